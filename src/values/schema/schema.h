// A structural schema, as a CustomResourceDefinition holds it: checks a value, fills in defaults, drops what
// it does not know. Compiled once; thread-safe afterwards.
//
// What is wrong is said as an API server says it, with the same reasons and paths, so that clients and people
// meet the same words in both places. Source: k8s.io/apiextensions-apiserver pkg/apiserver/schema and
// validation.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"
#include "values/json/document.h"

namespace slipway::schema {

// One thing that is wrong: a `cause` of an Invalid status.
struct FieldError {
  std::string field;    // "spec.rollout.steps[0].weight"; "<nil>" for the object itself
  std::string reason;   // "FieldValueRequired", "FieldValueInvalid", …
  std::string message;  // "Required value"

  bool operator==(const FieldError&) const = default;
};
// "spec.model: Required value", or "[…, …]" for several.
std::string to_text(const std::vector<FieldError>& errors);

// A rule's twin in C++: whether it holds. `before` is null when the value is new.
using Rule = std::function<bool(const json::Document& self, const json::Document* before)>;
// By the rule's text (CEL), which stands in the schema.
using RuleBook = std::map<std::string, Rule, std::less<>>;

class Schema {
 public:
  // kUnsupported: a construct that is not one of ours, or a rule without a twin: the error names its place.
  static Result<Schema> compile(const json::Document& structural, const RuleBook& twins);
  Schema(Schema&&) noexcept;
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  // A null that has no default counts as left out, and goes.
  void apply_defaults(json::Document& value) const;
  // Drops members that the schema does not know and adds their paths to `unknown`.
  void prune(json::Document& value, std::vector<std::string>& unknown) const;
  // Everything that is wrong. Rules are only asked when types, required members and sizes are right. `before`
  // may be null.
  std::vector<FieldError> validate(const json::Document& value, const json::Document* before) const;

  struct Node;
  const Node& root() const { return *root_; }

 private:
  explicit Schema(std::unique_ptr<Node> root);
  std::unique_ptr<Node> root_;
};

}  // namespace slipway::schema
