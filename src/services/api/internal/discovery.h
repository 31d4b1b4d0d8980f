// What the API says of itself: versions, groups, resources, schemas. Made once.
#pragma once

#include <map>
#include <string>

namespace slipway::api {

// Path → JSON, for everything that never changes while the program runs.
std::map<std::string, std::string> discovery_documents(const std::string& version);

}  // namespace slipway::api
