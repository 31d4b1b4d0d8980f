#include <algorithm>
#include <charconv>

#include "services/cli/models.h"
#include "services/cli/progress.h"
#include "system/os/files.h"

namespace slipway::cli {
namespace {

constexpr size_t kMaxFiles = 1000;

// Everything below a folder, as paths with '/' between.
Status list_below(const std::string& root, const std::string& below, LocalFiles& out) {
  const std::string folder = below.empty() ? root : root + "/" + below;
  const auto entries = os::list_folder(folder, kMaxFiles);
  if (!entries) return fail(entries.error());
  for (const os::FolderEntry& entry : *entries) {
    const std::string path = below.empty() ? entry.name : below + "/" + entry.name;
    if (entry.kind == os::EntryKind::kFolder) {
      if (Status listed = list_below(root, path, out); !listed) return listed;
      continue;
    }
    if (entry.kind != os::EntryKind::kFile)
      return fail(Code::kInvalid, "{}/{}: a version holds regular files; this is a link or a device", root,
                  path);
    if (Status fine = oci::check_model_path(path); !fine) return fail(within(root, fine.error()));
    if (out.files.size() == kMaxFiles)
      return fail(Code::kTooLarge, "{}: more than {} files; push the model's own folder", root, kMaxFiles);
    out.files.push_back({.path = path, .size = entry.size, .digest = {}, .role = oci::role_of(path)});
    out.bytes += entry.size;
  }
  return ok();
}

}  // namespace

Result<LocalFiles> read_local_files(const std::string& path) {
  LocalFiles out{.root = path, .files = {}};
  if (os::is_folder(path)) {
    if (Status listed = list_below(path, "", out); !listed) return fail(listed.error());
    if (out.files.empty()) return fail(Code::kInvalid, "{} holds no files", path);
  } else {
    const auto file = os::open_file(path);
    if (!file) return fail(file.error());
    const size_t slash = path.rfind('/');
    out.root = slash == std::string::npos ? "." : path.substr(0, slash);
    const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
    if (Status fine = oci::check_model_path(name); !fine) return fail(fine.error());
    out.files.push_back({.path = name, .size = file->size, .digest = {}, .role = oci::Role::kWeights});
    out.bytes = file->size;
  }
  Progress progress("reading", out.bytes);
  for (oci::ModelFile& file : out.files) {
    const auto digest = os::sha256_file(out.root + "/" + file.path);
    if (!digest) return fail(digest.error());
    file.digest = *digest;
    progress.add(file.size);
  }
  return out;
}

Result<VersionName> parse_version_reference(const std::string& text) {
  const size_t colon = text.find(':');
  VersionName out{.model = text.substr(0, colon), .version = {}};
  if (out.model.empty())
    return fail(Code::kInvalid, "'{}': say MODEL or MODEL:VERSION, such as credit:3", text);
  if (colon == std::string::npos) return out;
  const std::string_view digits = std::string_view(text).substr(colon + 1);
  int64_t version = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (error != std::errc{} || end != digits.data() + digits.size() || version < 1)
    return fail(Code::kInvalid, "'{}': the version is a number, such as {}:3", text, out.model);
  out.version = version;
  return out;
}

std::string Artifact::str() const {
  return fmt::format("{}{}{}@{}", registry, registry.empty() ? "" : "/", repository, digest.str());
}

Result<Artifact> parse_artifact(const std::string& text) {
  const size_t at = text.find('@');
  const auto digest = Digest::parse(at == std::string::npos ? "" : text.substr(at + 1));
  if (!digest) return fail(Code::kInvalid, "'{}' is no artifact: [REGISTRY/]REPOSITORY@sha256:…", text);
  Artifact out{.registry = "", .repository = text.substr(0, at), .digest = *digest};
  // As docker reads names: the first part is a registry when it could not be a repository's.
  const size_t slash = out.repository.find('/');
  const std::string first = out.repository.substr(0, slash);
  if (slash != std::string::npos &&
      (first.find_first_of(".:") != std::string::npos || first == "localhost")) {
    if (first.front() == '.' || first.front() == ':')
      return fail(Code::kInvalid, "'{}' is no artifact: '{}' is no registry", text, first);
    out.registry = first;
    out.repository = out.repository.substr(slash + 1);
  }
  if (Status fine = oci::check_repository(out.repository); !fine) return fail(fine.error());
  return out;
}

}  // namespace slipway::cli
