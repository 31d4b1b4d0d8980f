// Base64 by its standard alphabet, with padding, as configuration files hold certificates and credentials.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::base {

std::string base64_encode(std::string_view bytes);
// Line breaks are skipped. Nothing when something else does not belong.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace slipway::base
