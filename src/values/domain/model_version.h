// ModelVersion as a struct: what `slipway push` makes and loaders read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "values/domain/object.h"

namespace slipway::domain {

struct TensorFacts {
  std::string name, datatype;
  std::vector<int64_t> shape;  // -1: any

  bool operator==(const TensorFacts&) const = default;
};

struct ModelVersion {
  std::string model;
  int64_t version = 1;
  std::string artifact;  // [REGISTRY/]REPOSITORY@sha256:…
  std::string digest;    // of its manifest
  std::string format, framework, description;
  int64_t size = 0;  // bytes
  std::vector<TensorFacts> inputs, outputs;
  std::string source, pushed_by, tool;  // provenance

  bool operator==(const ModelVersion&) const = default;
  std::string name() const { return fmt::format("{}-{}", model, version); }
};

// {"spec":{…}}: an Object's content. Empty members are left out.
json::Document to_content(const ModelVersion& version);
// From an object's document or content. kInvalid when it is no ModelVersion.
Result<ModelVersion> parse_model_version(const json::Document& object);

}  // namespace slipway::domain
