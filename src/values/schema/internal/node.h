// A schema as a tree that is walked together with the value.
#pragma once

#include <optional>
#include <regex>

#include <nlohmann/json.hpp>

#include "values/schema/schema.h"

namespace slipway::schema {

enum class Type : uint8_t { kObject, kArray, kString, kInteger, kNumber, kBoolean, kAny };

struct Schema::Node {
  Type type = Type::kAny;
  std::string format;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> properties;
  std::unique_ptr<Node> items, additional;  // of arrays; of objects whose members all look alike
  std::vector<std::string> required;
  std::optional<json::Document> fallback;
  std::vector<json::Document> choices;
  std::optional<double> minimum, maximum;
  std::optional<size_t> min_length, max_length, min_items, max_items;
  std::string pattern_text;
  std::optional<std::regex> pattern;
  std::vector<std::string> map_keys;  // of a list whose items are told apart by these members
  bool keeps_unknown = false;         // x-kubernetes-preserve-unknown-fields

  struct Check {
    Rule holds;
    std::string message;
    bool needs_before = false;  // a rule about the change: not asked of new values
  };
  std::vector<Check> checks;
};

std::string_view name(Type type);

}  // namespace slipway::schema
