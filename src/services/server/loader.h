// From a path to a model that is ready: recognised, checked, hashed, loaded, warmed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ports/backend/backend.h"
#include "services/server/loaded_model.h"
#include "system/runtime/clock.h"

namespace slipway::server {

using Backends = std::map<std::string, std::unique_ptr<backend::Backend>, std::less<>>;  // by Backend::name()

struct ModelSource {
  std::string name;
  int64_t version = 1;
  std::string path;                // a file, or a folder that holds one model
  std::string revision;            // what it is called; empty: made of name, version and digest
  std::optional<Digest> expected;  // kInvalid when the path holds anything else
};

// "NAME[:VERSION]=PATH". Names are what stands in a URL's path: letters, digits, '-', '_' and '.', at
// most 63.
Result<ModelSource> parse_model_source(std::string_view text);

// For `inspect`: what the path holds, with every check that loading makes.
struct Inspected {
  std::string format;  // for people
  std::string backend;
  backend::Backend::Inspection inspection;
  Digest digest;
  uint64_t bytes = 0;
};
Result<Inspected> inspect(const std::string& path, const Backends& backends);

// Digest of what is served. Of a folder that `slipway fetch` made: the version's, after its files were held
// against its manifest. Else the file's own for one file, so that `sha256sum` gives the same; for several,
// that of the lines
// "<hex>  <name>\n" in the order of the names, as `sha256sum` prints them.
Result<Digest> digest_of(const std::string& root, const std::vector<std::string>& files);

Result<std::unique_ptr<LoadedModel>> load_model(const ModelSource& source, const Backends& backends,
                                                telemetry::Registry& registry, const runtime::Clock& clock);

}  // namespace slipway::server
