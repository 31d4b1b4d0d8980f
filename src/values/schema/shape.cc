// Defaults and pruning: what makes a value have the schema's shape.
#include "values/schema/internal/node.h"

namespace slipway::schema {
namespace {

// What every resource has, whatever its schema says.
bool is_root_member(std::string_view name) {
  return name == "apiVersion" || name == "kind" || name == "metadata";
}

void fill(json::Document& value, const Schema::Node& node) {
  if (value.is_object()) {
    for (const auto& [name, property] : node.properties) {
      if (name == "metadata") continue;
      auto at = value.find(name);
      if ((at == value.end() || at->is_null()) && property->fallback) {
        value[name] = *property->fallback;
        at = value.find(name);
      }
      if (at == value.end()) continue;
      if (at->is_null())
        value.erase(at);
      else
        fill(*at, *property);
    }
    if (node.additional)
      for (json::Document& each : value) fill(each, *node.additional);
  } else if (value.is_array() && node.items) {
    for (json::Document& each : value) fill(each, *node.items);
  }
}

void cut(json::Document& value, const Schema::Node& node, const std::string& path,
         std::vector<std::string>& unknown) {
  if (value.is_object()) {
    for (auto at = value.begin(); at != value.end();) {
      const std::string here = path.empty() ? at.key() : path + "." + at.key();
      if (path.empty() && is_root_member(at.key())) {
        ++at;
        continue;
      }
      const auto property = node.properties.find(at.key());
      const Schema::Node* child =
          property != node.properties.end() ? property->second.get() : node.additional.get();
      if (child == nullptr && !node.keeps_unknown) {
        unknown.push_back(here);
        at = value.erase(at);
        continue;
      }
      if (child != nullptr) cut(*at, *child, here, unknown);
      ++at;
    }
  } else if (value.is_array() && node.items) {
    for (size_t i = 0; i < value.size(); ++i)
      cut(value[i], *node.items, fmt::format("{}[{}]", path, i), unknown);
  }
}

}  // namespace

void Schema::apply_defaults(json::Document& value) const { fill(value, *root_); }

void Schema::prune(json::Document& value, std::vector<std::string>& unknown) const {
  cut(value, *root_, "", unknown);
}

}  // namespace slipway::schema
