// The resources that files name, read and told apart before anything is sent.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "values/base/result.h"
#include "values/domain/object.h"

namespace slipway::cli {

// One document of a file, and where it stands: "credit.yaml:7".
struct Wanted {
  json::Document object;
  domain::Kind kind;
  std::string name, where;
};

// Everything that the files, folders and standard input ("-") say; the first fault refuses all of it, with
// its place.
Result<std::vector<Wanted>> read_wanted(const std::vector<std::string>& paths);

}  // namespace slipway::cli
