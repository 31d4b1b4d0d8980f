// Whether bytes have the shape of a Python pickle. Nothing is executed: opcodes are only stepped over.
#pragma once

#include <string_view>

namespace slipway::server {

// Protocols 2 to 5 by their first two bytes; 0 and 1, which have no mark, when every opcode up to the final
// STOP can be stepped over.
bool is_pickle(std::string_view bytes);

}  // namespace slipway::server
