// What the API says of itself: versions, groups, resources, schemas. Made once.
#pragma once

#include <map>
#include <string>

namespace slipway::api {

// Path → JSON, for everything that never changes while the program runs. `limits`: how replicas are held to
// their limits here, an annotation of the namespace; may be empty.
std::map<std::string, std::string> discovery_documents(const std::string& version, const std::string& limits);

}  // namespace slipway::api
