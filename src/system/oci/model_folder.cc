#include "system/oci/model_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "system/os/replace_file.h"

namespace slipway::oci {
namespace {

constexpr size_t kPiece = 256 << 10;

Status make_parents(const os::Folder& folder, const std::string& path) {
  for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
    if (Status made = folder.make_folder(path.substr(0, slash)); !made) return made;
  return ok();
}

Status copy(const os::OpenFile& from, const os::Folder& into, const std::string& path) {
  auto file = into.create(path);
  if (!file) return fail(file.error());
  std::string piece(kPiece, '\0');
  for (uint64_t at = 0; at < from.size;) {
    const ssize_t got = ::pread(from.descriptor.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (got <= 0) return fail(Code::kUnavailable, "{}: {}", from.path, os::errno_text(errno));
    if (Status written = os::write_all(*file, std::string_view(piece.data(), static_cast<size_t>(got))); !written) return written;
    at += static_cast<uint64_t>(got);
  }
  return ::fchmod(file->get(), 0444) == 0 && ::fsync(file->get()) == 0 ? ok() : Status(fail(Code::kUnavailable, "{}/{}: cannot make it lasting", into.path(), path));
}

Status place(const Layout& layout, const os::Folder& blobs, const ModelFile& file, const os::Folder& into) {
  const auto blob = layout.open_blob(file.digest);
  if (!blob) return fail(blob.error());
  const auto digest = os::sha256_file(*blob);
  if (!digest) return fail(digest.error());
  if (*digest != file.digest) return fail(Code::kInvalid, "the file {} of the version is damaged on disk ({} is now {}); push it again", file.path, file.digest.str(), digest->str());
  if (Status made = make_parents(into, file.path); !made) return made;
  if (blobs.link(blob_path(file.digest), into, file.path)) return ok();
  return copy(*blob, into, file.path);
}

}  // namespace

Result<std::string> make_model_folder(const Layout& layout, const std::string& layout_path, const StoredManifest& manifest, const std::string& into) {
  const auto files = parse_model_manifest(manifest.text);
  if (!files) return fail(files.error());
  const std::string name = manifest.descriptor.digest.hex(), whole = into + "/" + name;
  if (os::is_folder(whole)) return whole;
  if (Status made = os::make_folders(into); !made) return fail(made.error());
  const auto parent = os::Folder::open(into), blobs = os::Folder::open(layout_path);
  if (!parent || !blobs) return fail(parent ? blobs.error() : parent.error());
  const std::string aside = fmt::format(".{}.{}", name, ::getpid());
  std::error_code ignored;
  std::filesystem::remove_all(into + "/" + aside, ignored);  // of a process of the same number that ended halfway
  if (Status made = parent->make_folder(aside); !made) return fail(made.error());
  const auto folder = os::Folder::open(into + "/" + aside);
  if (!folder) return fail(folder.error());
  Status placed = ok();
  for (const ModelFile& file : *files)
    if (placed) placed = place(layout, *blobs, file, *folder);
  if (placed) placed = folder->replace("manifest.json", manifest.text, 0444);
  if (placed) placed = parent->rename(aside, name);
  if (!placed) {
    std::filesystem::remove_all(into + "/" + aside, ignored);
    if (os::is_folder(whole)) return whole;  // somebody else was faster
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
      return fail(Code::kInvalid, "{}/{} is not what its manifest says ({} instead of {}); fetch the version again",
                  folder, file.path, digest->str(), file.digest.str());
  }
  return std::optional(base::sha256(*text));
}

}  // namespace slipway::oci
