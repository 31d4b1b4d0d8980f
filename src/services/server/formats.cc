#include "services/server/formats.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "services/server/internal/verdict.h"
#include "system/os/files.h"

namespace slipway::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostEntries = 4096;
constexpr size_t kMostNamed = 8;

struct Judged {
  std::string name;
  Verdict verdict;
};

Result<Verdict> judge_file(const std::string& path) {
  auto file = os::MappedFile::open(path, os::kAnySize);
  if (!file) return fail(file.error());
  file->will_read_once();
  return judge(file->text());
}

tl::unexpected<Error> refusal(const std::string& path, const Verdict& verdict) {
  if (verdict.finding != Finding::kUnknown) {
    return fail(Code::kUnsupported, "{}: this is {}: {}", path, verdict.what, verdict.way_out);
  }
  return fail(Code::kInvalid, "{}: this is {}; served are ONNX, XGBoost JSON and UBJSON, and LightGBM text",
              path, verdict.what);
}

// A link is resolved first: what the file names must lie beside the file, not beside the link.
backend::ModelFiles split(const std::string& path) {
  std::error_code ignored;
  const fs::path whole = fs::is_symlink(path, ignored) ? fs::canonical(path, ignored) : fs::path(path);
  const std::string root = whole.parent_path().string();
  return {.root = root.empty() ? "." : root, .main = whole.filename().string()};
}

Result<Recognised> recognise_file(const std::string& path) {
  auto verdict = judge_file(path);
  if (!verdict) return fail(verdict.error());
  if (verdict->finding != Finding::kServed) return refusal(path, *verdict);
  return Recognised{std::string(verdict->backend), verdict->what, split(path)};
}

std::string names_of(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < kMostNamed; ++i) out += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMostNamed) out += fmt::format(" and {} more", names.size() - kMostNamed);
  return out;
}

Status refuse_saved_model(const std::string& path, const std::vector<os::FolderEntry>& entries) {
  for (const auto& entry : entries) {
    if (entry.name != "saved_model.pb") continue;
    return fail(Code::kUnsupported,
                "{}: this is a TensorFlow SavedModel: TensorFlow is not served. Convert it with python -m "
                "tf2onnx.convert --saved-model {} --output model.onnx",
                path, path);
  }
  return ok();
}

tl::unexpected<Error> nothing_served(const std::string& path, const std::vector<os::FolderEntry>& entries,
                                     const std::vector<Judged>& judged) {
  // TensorFlow Serving's layout: the model lies in a folder named by its version.
  for (const auto& entry : entries) {
    const bool version = entry.kind == os::EntryKind::kFolder &&
                         entry.name.find_first_not_of("0123456789") == std::string::npos;
    const auto inside =
        version ? os::list_folder(path + "/" + entry.name, kMostEntries) : std::vector<os::FolderEntry>{};
    if (!inside) continue;
    if (auto other = refuse_saved_model(path + "/" + entry.name, *inside); !other) return fail(other.error());
  }
  for (const auto& each : judged) {
    if (each.verdict.finding == Finding::kRefused) return refusal(path + "/" + each.name, each.verdict);
  }
  std::vector<std::string> names;
  for (const auto& entry : entries)
    names.push_back(entry.name + (entry.kind == os::EntryKind::kFolder ? "/" : ""));
  if (names.empty()) return fail(Code::kInvalid, "{}: the folder is empty; a model file is needed", path);
  return fail(Code::kInvalid,
              "{}: no model file lies in this folder (found: {}); name the file or the folder that "
              "holds it",
              path, names_of(names));
}

tl::unexpected<Error> several_served(const std::string& path, const std::vector<Judged>& served) {
  std::vector<std::string> names;
  for (const auto& each : served) names.push_back(fmt::format("{} ({})", each.name, each.verdict.what));
  return fail(Code::kInvalid, "{}: the folder holds {} models: {}; name one of them, as in {}/{}", path,
              served.size(), names_of(names), path, served.front().name);
}

Result<Recognised> recognise_folder(const std::string& path) {
  auto entries = os::list_folder(path, kMostEntries);
  if (!entries) return fail(entries.error());
  if (auto other = refuse_saved_model(path, *entries); !other) return fail(other.error());
  std::vector<Judged> judged;
  std::vector<Judged> served;
  for (const auto& entry : *entries) {
    if (entry.kind != os::EntryKind::kFile) continue;
    auto verdict = judge_file(path + "/" + entry.name);
    if (!verdict) return fail(verdict.error());
    auto& list = verdict->finding == Finding::kServed ? served : judged;
    list.push_back({entry.name, std::move(*verdict)});
  }
  if (served.empty()) return nothing_served(path, *entries, judged);
  if (served.size() > 1) return several_served(path, served);
  return Recognised{
      std::string(served[0].verdict.backend), served[0].verdict.what, {.root = path, .main = served[0].name}};
}

}  // namespace

Result<Recognised> recognise(const std::string& path) {
  if (!os::is_folder(path)) return recognise_file(path);
  std::string folder = path;
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  return recognise_folder(folder);
}

}  // namespace slipway::server
