#include "system/oci/internal/blob_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "system/os/file_lock.h"
#include "system/os/random.h"
#include "system/os/replace_file.h"

namespace slipway::oci::internal {
namespace {

constexpr Duration kPause = std::chrono::milliseconds(50);

std::string blob_at(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }
std::string partial_at(const Digest& digest) { return "partial/" + digest.hex(); }

// Whether that name is still this file: whoever brought the blob renames it away.
bool is_still(const os::Folder& folder, const std::string& path, const OpenTarget& target) {
  const auto named = folder.open_file(path);
  struct stat one{}, other{};
  return named && ::fstat(named->descriptor.get(), &one) == 0 && ::fstat(target.writer.get(), &other) == 0 &&
         one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

}  // namespace

Result<BlobCache> BlobCache::open(const std::string& path, BlobCacheOptions options) {
  if (Status made = os::make_folders(path); !made) return fail(made.error());
  auto folder = os::Folder::open(path);
  if (!folder) return fail(folder.error());
  for (const char* each : {"blobs", "blobs/sha256", "partial"})
    if (Status made = folder->make_folder(each); !made) return fail(made.error());
  return BlobCache(std::move(*folder), std::move(options));
}

Result<std::string> BlobCache::text(const Digest& digest) const {
  auto text = folder_.read(blob_at(digest), kManifestBytes);
  if (!text) return text;
  if (base::sha256(*text) != digest)
    return fail(Code::kNotFound, "{} is not what its name says", digest.str());
  static_cast<void>(folder_.touch(blob_at(digest), std::chrono::system_clock::now()));
  return text;
}

// Under a name of our own first: in other containers others have our process number.
Status BlobCache::put_text(const Digest& digest, std::string_view text) const {
  std::array<uint8_t, 8> random{};
  os::random_bytes(random);
  std::string aside = "partial/text-";
  for (const uint8_t byte : random) aside += fmt::format("{:02x}", byte);
  const auto file = folder_.create(aside);
  if (!file) return fail(file.error());
  Status there = os::write_all(*file, text);
  if (there && (::fchmod(file->get(), 0444) != 0 || ::fsync(file->get()) != 0))
    there = fail(Code::kUnavailable, "{}/{}: {}", folder_.path(), aside, os::errno_text(errno));
  if (there) there = folder_.rename(aside, blob_at(digest));
  if (!there) static_cast<void>(folder_.remove(aside));
  return there;
}

void BlobCache::pause() const {
  if (options_.sleep)
    options_.sleep(kPause);
  else
    std::this_thread::sleep_for(kPause);
}

Status BlobCache::take(const Content& content, const os::Folder& into, const std::string& path) const {
  const std::string blob = blob_at(content.digest);
  const auto file = folder_.open_file(blob);
  if (!file) return fail(file.error());
  const Status placed = file->size == content.size
                            ? link_or_copy(*file, content, into, path)
                            : Status(fail(Code::kInvalid, "{} has another size", file->path));
  if (placed) {
    // So that who removes what was not used lately sees it. Somebody else's file may not be touched.
    static_cast<void>(folder_.touch(blob, std::chrono::system_clock::now()));
    return ok();
  }
  if (placed.error().code != Code::kInvalid) return placed;
  if (Status removed = folder_.remove(blob); !removed) return removed;
  return fail(Code::kNotFound, "{} was damaged and is gone", file->path);
}

Result<std::optional<OpenTarget>> BlobCache::claim(const Content& content) const {
  const std::string partial = partial_at(content.digest);
  uint64_t seen = 0;
  for (Duration waited{};; waited += kPause) {
    auto target = OpenTarget::open(folder_, partial);
    if (!target) return fail(target.error());
    const Status locked = os::lock_open_file(target->writer);
    if (locked) {
      if (folder_.open_file(blob_at(content.digest))) return std::optional<OpenTarget>();
      if (is_still(folder_, partial, *target)) return std::optional(std::move(*target));
      continue;
    }
    if (locked.error().code != Code::kConflict) return fail(locked.error());
    if (target->reader.size != seen) waited = {};
    seen = target->reader.size;
    if (waited >= options_.patience)
      return fail(Code::kTimeout, "{}/{}: another process brings it and gets no further", folder_.path(),
                  partial);
    pause();
  }
}

Filled BlobCache::bring(const Content& content, const Pull& pull) const {
  const auto claimed = claim(content);
  if (!claimed) return trouble(Culprit::kDisk, claimed.error());
  if (!*claimed) return {};
  if (auto filled = fill(**claimed, content, pull); !filled) {
    // A full disk is not made better by half a blob that nobody can finish.
    if (filled.error().error.code == Code::kExhausted && filled.error().culprit == Culprit::kDisk)
      static_cast<void>(folder_.remove(partial_at(content.digest)));
    return filled;
  }
  Status there = folder_.rename(partial_at(content.digest), blob_at(content.digest));
  if (there) there = folder_.sync("blobs/sha256");
  return there ? Filled{} : trouble(Culprit::kDisk, there.error());
}

Filled BlobCache::place(const Content& content, const Pull& pull, const os::Folder& into,
                        const std::string& path) const {
  static_cast<void>(into.remove(path));  // of an earlier run
  Status taken = take(content, into, path);
  // Again, when it was removed in between.
  for (int tries = 0; !taken && taken.error().code == Code::kNotFound && tries < 3; ++tries) {
    if (auto brought = bring(content, pull); !brought) return brought;
    taken = take(content, into, path);
  }
  return taken ? Filled{} : trouble(Culprit::kDisk, taken.error());
}

}  // namespace slipway::oci::internal
