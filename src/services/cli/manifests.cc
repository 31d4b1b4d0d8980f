#include "services/cli/internal/manifests.h"

#include <array>
#include <iostream>

#include "system/kube/yaml.h"
#include "system/os/files.h"

namespace slipway::cli {
namespace {

using json::Document;

constexpr size_t kInputBytes = 1 << 20;

Result<std::string> read_input(const std::string& file) {
  if (file != "-") return os::read_file(file, kInputBytes);
  std::string text;
  std::array<char, 65536> piece;
  while (std::cin.read(piece.data(), piece.size()), std::cin.gcount() > 0) {
    text.append(piece.data(), static_cast<size_t>(std::cin.gcount()));
    if (text.size() > kInputBytes)
      return fail(Code::kTooLarge, "standard input has more than {} bytes; apply it in parts", kInputBytes);
  }
  return text;
}

Result<Wanted> to_wanted(const kube::YamlDocument& document, const std::string& file) {
  const std::string where = fmt::format("{}:{}", file, document.line);
  auto object = json::parse_document(document.json);
  if (!object) return fail(within(where, object.error()));
  const std::string version = json::text_of(*object, "apiVersion"), kind = json::text_of(*object, "kind");
  if (version.empty() || kind.empty())
    return fail(
        Code::kInvalid,
        "{}: apiVersion and kind are needed, such as apiVersion: slipway.dev/v1alpha1, kind: ModelDeployment",
        where);
  const std::string name = json::text_of(json::member(*object, "metadata"), "name");
  if (name.empty()) return fail(Code::kInvalid, "{}: metadata.name is missing", where);
  // What was applied is noted there.
  if (const Document& notes = json::member(json::member(*object, "metadata"), "annotations");
      !notes.is_null() && !notes.is_object())
    return fail(Code::kInvalid, "{}: metadata.annotations must be an object of texts, such as {{team: ml}}",
                where);
  for (const domain::KindInfo& each : domain::kinds())
    if (each.name == kind && domain::api_version(each.kind) == version)
      return Wanted{.object = std::move(*object), .kind = each.kind, .name = name, .where = where};
  return fail(
      Code::kInvalid,
      "{}: there is no kind {} in {}; Slipway has ModelVersion and ModelDeployment in slipway.dev/v1alpha1",
      where, kind, version);
}

Result<std::vector<std::string>> files_of(const std::string& path) {
  if (path == "-" || !os::is_folder(path)) return std::vector<std::string>{path};
  const auto entries = os::list_folder(path, 1000);
  if (!entries) return fail(entries.error());
  std::vector<std::string> out;
  for (const os::FolderEntry& entry : *entries)
    for (const char* suffix : {".yaml", ".yml", ".json"})
      if (entry.name.ends_with(suffix)) out.push_back(path + "/" + entry.name);
  if (out.empty()) return fail(Code::kNotFound, "{} holds no .yaml, .yml or .json files", path);
  return out;
}

}  // namespace

Result<std::vector<Wanted>> read_wanted(const std::vector<std::string>& paths) {
  std::vector<Wanted> out;
  for (const std::string& path : paths) {
    const auto files = files_of(path);
    if (!files) return fail(files.error());
    for (const std::string& file : *files) {
      const auto text = read_input(file);
      if (!text) return fail(text.error());
      const auto documents = kube::yaml_to_json(*text, file == "-" ? "standard input" : file);
      if (!documents) return fail(documents.error());
      for (const kube::YamlDocument& document : *documents) {
        auto wanted = to_wanted(document, file);
        if (!wanted) return fail(wanted.error());
        out.push_back(std::move(*wanted));
      }
    }
  }
  if (out.empty()) return fail(Code::kInvalid, "the input holds no resources");
  return out;
}

}  // namespace slipway::cli
