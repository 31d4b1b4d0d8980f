// The names in a zip file's directory, without unpacking anything.
#pragma once

#include <string_view>
#include <vector>

namespace slipway::server {

// At most 4,096 names, as views into `bytes`. Empty when the directory is missing or broken.
std::vector<std::string_view> zip_names(std::string_view bytes);

}  // namespace slipway::server
