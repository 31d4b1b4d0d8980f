// The files in api/ as JSON, made at build time.
#pragma once

#include <span>
#include <string_view>

namespace slipway::domain {

std::span<const std::string_view> embedded_definitions();

}  // namespace slipway::domain
