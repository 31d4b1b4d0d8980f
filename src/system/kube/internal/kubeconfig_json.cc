#include "system/kube/internal/kubeconfig_json.h"

#include <nlohmann/json.hpp>

#include "system/kube/yaml.h"

namespace slipway::kube::internal {

using nlohmann::json;

Result<json> parse_kubeconfig(std::string_view text, std::string_view source) {
  const auto documents = yaml_to_json(text, source);
  if (!documents) return fail(documents.error());
  if (documents->empty()) return json::object();
  if (documents->size() > 1)
    return fail(Code::kInvalid, "{}: holds {} documents; a kubeconfig is one", source, documents->size());
  json file = json::parse(documents->front().json, nullptr, false);
  if (!file.is_object()) return fail(Code::kInvalid, "{}: is not a kubeconfig (no mapping)", source);
  const auto kind = text_at(file, "kind", source);
  if (!kind) return fail(kind.error());
  if (!kind->empty() && *kind != "Config")
    return fail(Code::kInvalid, "{}: is a {}, not a kubeconfig (kind: Config)", source, *kind);
  return file;
}

Result<std::string> text_at(const json& object, std::string_view key, std::string_view where) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return fail(Code::kInvalid, "{}: {} must be text; quote it", where, key);
  return found->get<std::string>();
}

Result<const json*> find_entry(const json& file, const Section& section, std::string_view name) {
  const auto list = file.find(section.list);
  if (list == file.end() || list->is_null()) return nullptr;
  if (!list->is_array()) return fail(Code::kInvalid, "{} must be a list", section.list);
  for (const json& item : *list) {
    if (!item.is_object()) return fail(Code::kInvalid, "{}: each entry must be a mapping", section.list);
    const auto found = text_at(item, "name", section.list);
    if (!found) return fail(found.error());
    if (*found != name) continue;
    const auto content = item.find(section.entry);
    if (content == item.end() || !content->is_object())
      return fail(Code::kInvalid, "{} '{}': has no mapping '{}'", section.list, name, section.entry);
    return &*content;
  }
  return nullptr;
}

}  // namespace slipway::kube::internal
