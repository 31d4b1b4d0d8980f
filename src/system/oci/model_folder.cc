#include "system/oci/model_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <set>

#include "system/os/random.h"
#include "system/os/replace_file.h"

namespace slipway::oci {
namespace {

constexpr size_t kPiece = 256 << 10;
constexpr size_t kMaxVersions = 1'000'000;
constexpr std::time_t kGivenUp = 24 * 3600;

// "a/b/c" → "a", "a/b"
std::set<std::string> parents_of(const std::vector<ModelFile>& files) {
  std::set<std::string> out;
  for (const ModelFile& file : files)
    for (size_t slash = file.path.find('/'); slash != std::string::npos;
         slash = file.path.find('/', slash + 1))
      out.insert(file.path.substr(0, slash));
  return out;
}

Status copy(const os::OpenFile& from, const os::Folder& into, const ModelFile& what) {
  auto file = into.create(what.path);
  if (!file) return fail(file.error());
  std::string piece(kPiece, '\0');
  base::Sha256 hash;
  for (uint64_t at = 0; at < from.size;) {
    const ssize_t got = ::pread(from.descriptor.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (got <= 0) return fail(Code::kUnavailable, "{}: {}", from.path, os::errno_text(errno));
    const std::string_view bytes(piece.data(), static_cast<size_t>(got));
    hash.update(bytes);
    if (Status written = os::write_all(*file, bytes); !written) return written;
    at += bytes.size();
  }
  if (hash.finish() != what.digest) return fail(Code::kInvalid, "{} changed while it was copied", from.path);
  if (::fchmod(file->get(), 0444) == 0 && ::fsync(file->get()) == 0) return ok();
  return fail(Code::kUnavailable, "{}/{}: cannot make it lasting", into.path(), what.path);
}

Status place(const Layout& layout, const ModelFile& file, const os::Folder& into) {
  const auto blob = layout.open_blob(file.digest);
  if (!blob) return fail(blob.error());
  const auto digest = os::sha256_file(*blob);
  if (!digest) return fail(digest.error());
  if (*digest != file.digest)
    return fail(Code::kInvalid, "the file {} of the version is damaged on disk ({} is now {}); push it again",
                file.path, file.digest.str(), digest->str());
  if (into.link_open(*blob, file.path)) return ok();
  return copy(*blob, into, file);
}

Status fill(const Layout& layout, const StoredManifest& manifest, const std::vector<ModelFile>& files,
            const os::Folder& folder) {
  const std::set<std::string> parents = parents_of(files);
  for (const std::string& each : parents)
    if (Status made = folder.make_folder(each); !made) return made;
  for (const ModelFile& file : files)
    if (Status placed = place(layout, file, folder); !placed) return placed;
  for (const std::string& each : parents)
    if (Status synced = folder.sync(each); !synced) return synced;
  return folder.replace("manifest.json", manifest.text, 0444);
}

// What a process left that ended halfway.
void remove_given_up(const os::Folder& parent) {
  const auto entries = parent.list("", kMaxVersions);
  if (!entries) return;
  for (const os::FolderEntry& entry : *entries) {
    const std::string path = parent.path() + "/" + entry.name;
    struct stat facts{};
    if (!entry.name.starts_with(".making-") || entry.kind != os::EntryKind::kFolder) continue;
    if (::lstat(path.c_str(), &facts) != 0 || std::time(nullptr) - facts.st_mtime < kGivenUp) continue;
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
}

std::string name_aside() {
  std::array<uint8_t, 8> bytes{};
  os::random_bytes(bytes);
  std::string out = ".making-";
  for (const uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace

Result<std::string> make_model_folder(const Layout& layout, const StoredManifest& manifest,
                                      const std::string& into) {
  const auto files = parse_model_manifest(manifest.text);
  if (!files) return fail(files.error());
  const std::string name = manifest.descriptor.digest.hex();
  std::string whole = into + "/" + name;
  if (Status made = os::make_folders(into); !made) return fail(made.error());
  const auto parent = os::Folder::open(into);
  if (!parent) return fail(parent.error());
  if (parent->sync(name)) return whole;  // it is a folder, and no link to one
  remove_given_up(*parent);
  const std::string aside = name_aside();
  if (Status made = parent->make_folder(aside); !made) return fail(made.error());
  const auto folder = os::Folder::open(into + "/" + aside);
  if (!folder) return fail(folder.error());
  Status placed = fill(layout, manifest, *files, *folder);
  if (placed) placed = parent->rename(aside, name);
  if (!placed) {
    std::error_code ignored;
    std::filesystem::remove_all(into + "/" + aside, ignored);
    if (parent->sync(name)) return whole;  // somebody else was faster
    return fail(placed.error());
  }
  if (Status lasting = parent->sync(""); !lasting) return fail(lasting.error());
  return whole;
}

Result<std::optional<Digest>> check_model_folder(const std::string& folder) {
  const std::optional<Digest> none;
  const auto text = os::read_file(folder + "/manifest.json", kManifestBytes);
  if (!text) return none;
  const auto files = parse_model_manifest(*text);
  if (!files) return none;
  for (const ModelFile& file : *files) {
    const auto opened = os::open_below(folder, file.path);
    if (!opened) return fail(opened.error());
    const auto digest = os::sha256_file(*opened);
    if (!digest) return fail(digest.error());
    if (*digest != file.digest)
      return fail(Code::kInvalid,
                  "{}/{} is not what its manifest says ({} instead of {}); fetch the version again", folder,
                  file.path, digest->str(), file.digest.str());
  }
  return std::optional(base::sha256(*text));
}

}  // namespace slipway::oci
