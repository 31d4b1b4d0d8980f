// The end of an RFC 3339 time.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace slipway::schema {

// Of what stands behind the seconds: a fraction, which is passed over, and Z or an offset (+05:30). Nothing
// when it is anything else.
std::optional<std::chrono::minutes> zone_offset(std::string_view rest);

}  // namespace slipway::schema
