// The rules beyond the schema: each stands as CEL in api/crd/, where an API server runs it, and here, where
// we do. tests/conformance plays the same cases to both.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "values/domain/definitions.h"
#include "values/domain/names.h"

namespace slipway::domain {
namespace {

using json::Document;
using json::member;
using json::text_of;

bool is_named_after_model_and_version(const Document& self, const Document*) {
  const std::string name = text_of(member(self, "metadata"), "name");
  const auto parts = parse_version_name(name);
  const Document& spec = member(self, "spec");
  return parts && parts->model == text_of(spec, "model") && member(spec, "version") == parts->version;
}

bool is_unchanged(const Document& self, const Document* before) {
  return before == nullptr || self == *before;
}

bool artifact_ends_with_digest(const Document& self, const Document*) {
  return text_of(self, "artifact").ends_with("@" + text_of(self, "digest"));
}

bool steps_belong_to_canary(const Document& self, const Document*) {
  return !self.contains("steps") || text_of(self, "strategy") == "canary";
}

bool weights_rise(const Document& self, const Document*) {
  const Document& steps = member(self, "steps");
  return std::is_sorted(steps.begin(), steps.end(), [](const Document& a, const Document& b) {
    return member(a, "weight").get<int64_t>() < member(b, "weight").get<int64_t>();
  });
}

}  // namespace

const schema::RuleBook& rules() {
  static const schema::RuleBook book{
      {"self.metadata.name.startsWith(self.spec.model + '-') && self.metadata.name.lastIndexOf('-') == "
       "self.spec.model.size() && int(self.metadata.name.substring(self.spec.model.size() + 1)) == "
       "self.spec.version",
       is_named_after_model_and_version},
      {"self == oldSelf", is_unchanged},
      {"self.artifact.endsWith('@' + self.digest)", artifact_ends_with_digest},
      {"!has(self.steps) || self.strategy == 'canary'", steps_belong_to_canary},
      {"!has(self.steps) || self.steps.map(s, s.weight).isSorted()", weights_rise},
  };
  return book;
}

}  // namespace slipway::domain
