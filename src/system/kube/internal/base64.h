// Base64 by its standard alphabet, with padding, as kubeconfig files hold certificates.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::kube::internal {

std::string base64_encode(std::string_view bytes);
// Line breaks are skipped. Nothing when something else does not belong.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace slipway::kube::internal
