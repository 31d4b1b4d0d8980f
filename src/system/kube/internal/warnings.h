// Warning headers (RFC 7234): 299 - "text", one or several in a header.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::kube::internal {

// The texts; what is malformed ends the reading.
std::vector<std::string> read_warnings(std::string_view header);

}  // namespace slipway::kube::internal
