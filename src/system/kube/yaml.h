// YAML to JSON and back, so that everything behind it knows JSON alone.
//
// Read as kubectl reads it (YAML 1.2 with the words and numbers of 1.1: `yes`, `off`, `0o17`, `1_000`), so
// that one file means the same to both; quoted scalars are always text. JSON is YAML too. Refused, each with
// its line and column: anchors, aliases, tags, merge keys, a key that stands twice in one mapping, a key that
// would not be read as it is written (`yes: 1`, `010: 1`), numbers that JSON does not have, and everything
// beyond the limits.
//
// Threads: everything here may be called from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::kube {

struct YamlLimits {
  size_t bytes = 1 << 20;
  size_t depth = 64;        // nested mappings and lists
  size_t nodes = 100'000;   // mappings, lists and scalars of all documents together
  size_t documents = 1000;  // empty ones included
};

struct YamlDocument {
  std::string json;
  int line = 1;  // where its first node stands

  bool operator==(const YamlDocument&) const = default;
};

// The documents of a stream, without the empty ones. `source` is how errors name it: "credit.yaml:7:3: …".
// kInvalid, or kTooLarge beyond a limit.
Result<std::vector<YamlDocument>> yaml_to_json(std::string_view text, std::string_view source,
                                               const YamlLimits& limits = {});

// One JSON value in block style, as `kubectl -o yaml` prints it: keys in its order, lists not indented, text
// quoted where it would be read as something else. Numbers keep the form that they have. kInvalid when it is
// not JSON.
Result<std::string> json_to_yaml(std::string_view json);

}  // namespace slipway::kube
