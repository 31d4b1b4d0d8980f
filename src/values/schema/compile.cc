#include <array>
#include <set>

#include "values/schema/internal/node.h"

namespace slipway::schema {
namespace {

constexpr int kMaxDepth = 24;

constexpr std::array<std::pair<std::string_view, Type>, 6> kTypes{{{"object", Type::kObject},
                                                                   {"array", Type::kArray},
                                                                   {"string", Type::kString},
                                                                   {"integer", Type::kInteger},
                                                                   {"number", Type::kNumber},
                                                                   {"boolean", Type::kBoolean}}};

// What a schema may hold. Anything else would be a check that we do not make: refused, never passed over.
const std::set<std::string_view> kKnown = {"type",
                                           "format",
                                           "description",
                                           "properties",
                                           "items",
                                           "additionalProperties",
                                           "required",
                                           "default",
                                           "enum",
                                           "minimum",
                                           "maximum",
                                           "minLength",
                                           "maxLength",
                                           "minItems",
                                           "maxItems",
                                           "pattern",
                                           "x-kubernetes-validations",
                                           "x-kubernetes-list-type",
                                           "x-kubernetes-list-map-keys",
                                           "x-kubernetes-preserve-unknown-fields"};

template <class T>
void read(const json::Document& schema, const char* name, std::optional<T>& out) {
  if (const json::Document& value = json::member(schema, name); value.is_number()) out = value.get<T>();
}

std::vector<std::string> texts(const json::Document& schema, const char* name) {
  std::vector<std::string> out;
  for (const json::Document& each : json::member(schema, name))
    if (each.is_string()) out.push_back(each.get<std::string>());
  return out;
}

class Compiler {
 public:
  explicit Compiler(const RuleBook& twins) : twins_(twins) {}

  Result<std::unique_ptr<Schema::Node>> compile(const json::Document& schema, const std::string& path,
                                                int depth) {
    if (!schema.is_object() || depth > kMaxDepth) return fail(Code::kUnsupported, "{}: not a schema", path);
    for (const auto& [key, value] : schema.items())
      if (!kKnown.contains(key))
        return fail(Code::kUnsupported, "{}: '{}' is not one of the schema's words", path, key);
    auto node = std::make_unique<Schema::Node>();
    for (const Status& done :
         {facts(schema, path, *node), children(schema, path, depth, *node), rules(schema, path, *node)})
      if (!done) return fail(done.error());
    return node;
  }

 private:
  Status facts(const json::Document& schema, const std::string& path, Schema::Node& node) {
    const std::string type = json::text_of(schema, "type");
    for (const auto& [name, each] : kTypes)
      if (name == type) node.type = each;
    node.keeps_unknown = json::member(schema, "x-kubernetes-preserve-unknown-fields") == true;
    if (node.type == Type::kAny && !node.keeps_unknown)
      return fail(Code::kUnsupported, "{}: type '{}'", path, type);
    node.format = json::text_of(schema, "format");
    node.required = texts(schema, "required");
    node.map_keys = texts(schema, "x-kubernetes-list-map-keys");
    for (const json::Document& choice : json::member(schema, "enum")) node.choices.push_back(choice);
    if (schema.contains("default")) node.fallback = schema["default"];
    read(schema, "minimum", node.minimum);
    read(schema, "maximum", node.maximum);
    read(schema, "minLength", node.min_length);
    read(schema, "maxLength", node.max_length);
    read(schema, "minItems", node.min_items);
    read(schema, "maxItems", node.max_items);
    return pattern(schema, path, node);
  }

  // Matching is by breadth, not by backtracking: its time grows with the text alone, whatever the text is.
  Status pattern(const json::Document& schema, const std::string& path, Schema::Node& node) {
    node.pattern_text = json::text_of(schema, "pattern");
    if (node.pattern_text.empty()) return ok();
    if (!node.max_length) return fail(Code::kUnsupported, "{}: a pattern needs a maxLength", path);
    try {
      node.pattern.emplace(node.pattern_text, std::regex::ECMAScript | std::regex_constants::__polynomial);
    } catch (const std::regex_error& error) {
      return fail(Code::kUnsupported, "{}: pattern: {}", path, error.what());
    }
    return ok();
  }

  Status children(const json::Document& schema, const std::string& path, int depth, Schema::Node& node) {
    for (const auto& [name, property] : json::member(schema, "properties").items()) {
      auto child = compile(property, path + "." + name, depth + 1);
      if (!child) return fail(child.error());
      node.properties.emplace(name, std::move(*child));
    }
    for (const auto& [name, into] :
         {std::pair{"items", &node.items}, std::pair{"additionalProperties", &node.additional}}) {
      if (!schema.contains(name)) continue;
      auto child = compile(schema[name], path + "." + name, depth + 1);
      if (!child) return fail(child.error());
      *into = std::move(*child);
    }
    return ok();
  }

  Status rules(const json::Document& schema, const std::string& path, Schema::Node& node) {
    for (const json::Document& rule : json::member(schema, "x-kubernetes-validations")) {
      const std::string text = json::text_of(rule, "rule");
      const auto twin = twins_.find(text);
      if (twin == twins_.end()) return fail(Code::kUnsupported, "{}: the rule `{}` has no twin", path, text);
      node.checks.push_back({.holds = twin->second,
                             .message = json::text_of(rule, "message"),
                             .needs_before = text.find("oldSelf") != std::string::npos});
    }
    return ok();
  }

  const RuleBook& twins_;
};

}  // namespace

std::string_view name(Type type) {
  for (const auto& [text, each] : kTypes)
    if (each == type) return text;
  return "any";
}

Schema::Schema(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Schema::Schema(Schema&&) noexcept = default;
Schema& Schema::operator=(Schema&&) noexcept = default;
Schema::~Schema() = default;

Result<Schema> Schema::compile(const json::Document& structural, const RuleBook& twins) {
  auto root = Compiler(twins).compile(structural, "schema", 0);
  if (!root) return fail(root.error());
  return Schema(std::move(*root));
}

}  // namespace slipway::schema
