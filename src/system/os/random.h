// Random bytes from the system, fit for secrets. Any thread.
#pragma once

#include <cstdint>
#include <span>

namespace slipway::os {

// Ends the process when the system has none to give: nothing secret could be made.
void random_bytes(std::span<uint8_t> out);

}  // namespace slipway::os
