#include "system/kube/contexts.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "system/kube/internal/kubeconfig_json.h"
#include "system/os/files.h"

namespace slipway::kube {
namespace {

using internal::kClusters;
using internal::kContexts;
using internal::text_at;
using nlohmann::json;

constexpr uint64_t kFileLimit = 1 << 20;

struct File {
  std::string path;
  json content;
};

Result<std::vector<File>> read_files(std::span<const std::string> paths) {
  std::vector<File> out;
  for (const std::string& path : paths) {
    auto text = os::read_file(path, kFileLimit);
    if (!text && text.error().code == Code::kNotFound) continue;
    if (!text) return fail(text.error());
    auto content = internal::parse_kubeconfig(*text, path);
    if (!content) return fail(content.error());
    out.push_back({path, std::move(*content)});
  }
  return out;
}

// What cannot be read stays empty: the list is for looking, and who follows a context is told.
std::string text_or_empty(const json& object, std::string_view key) {
  auto text = text_at(object, key, "");
  return text ? std::move(*text) : "";
}

std::string server_of(const std::vector<File>& files, const std::string& cluster) {
  for (const File& file : files)
    if (const auto found = internal::find_entry(file.content, kClusters, cluster); found && *found)
      return text_or_empty(**found, "server");
  return "";
}

void add_contexts(const File& file, const std::vector<File>& files, std::vector<ContextSeen>& out) {
  const auto list = file.content.find(kContexts.list);
  if (list == file.content.end() || !list->is_array()) return;
  for (const json& item : *list) {
    if (!item.is_object() || !item.contains(kContexts.entry)) continue;
    ContextSeen seen{.name = text_or_empty(item, "name")};
    const json& context = item[std::string(kContexts.entry)];
    const bool known = std::ranges::find(out, seen.name, &ContextSeen::name) != out.end();
    if (seen.name.empty() || known || !context.is_object()) continue;
    seen.cluster = text_or_empty(context, "cluster");
    seen.user = text_or_empty(context, "user");
    seen.ns = text_or_empty(context, "namespace");
    seen.server = server_of(files, seen.cluster);
    out.push_back(std::move(seen));
  }
}

}  // namespace

Result<std::vector<ContextSeen>> list_contexts(std::span<const std::string> paths) {
  const auto files = read_files(paths);
  if (!files) return fail(files.error());
  std::vector<ContextSeen> out;
  std::string current;
  for (const File& file : *files) {
    if (current.empty()) current = text_or_empty(file.content, "current-context");
    add_contexts(file, *files, out);
  }
  for (ContextSeen& each : out) each.current = each.name == current;
  return out;
}

}  // namespace slipway::kube
