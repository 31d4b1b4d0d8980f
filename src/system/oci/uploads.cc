#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "system/oci/internal/upload.h"
#include "system/os/random.h"
#include "system/runtime/failpoint.h"

namespace slipway::oci {
namespace {

constexpr size_t kIdLetters = 32;
constexpr size_t kPiece = 256 << 10;

std::string make_id() {
  std::array<uint8_t, kIdLetters / 2> bytes{};
  os::random_bytes(bytes);
  std::string out;
  for (const uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

Error unknown(const std::string& id) {
  return {Code::kNotFound, fmt::format("there is no upload {}; begin it anew", id.substr(0, 64))};
}

// What a broken-off upload holds is hashed again: nothing but the file says what arrived.
Result<uint64_t> hash_file(const os::OpenFile& file, base::Sha256& hash) {
  std::string piece(kPiece, '\0');
  for (uint64_t at = 0;;) {
    const ssize_t got = ::pread(file.descriptor.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::kUnavailable, "{}: {}", file.path, os::errno_text(errno));
    if (got == 0) return at;
    hash.update(std::string_view(piece.data(), static_cast<size_t>(got)));
    at += static_cast<uint64_t>(got);
  }
}

// After a crash on a disk that keeps no order between folders, a finished upload may still have its old name:
// then writing to it would write into the blob.
bool is_a_blob_already(const os::OpenFile& file) {
  struct stat facts{};
  return ::fstat(file.descriptor.get(), &facts) != 0 || facts.st_nlink != 1;
}

}  // namespace

std::string upload_path(const std::string& id) { return "uploads/" + id; }

bool is_upload_id(const std::string& id) {
  return id.size() == kIdLetters && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Status Layout::Upload::open(const os::Folder& folder, const std::string& id) {
  if (state == State::kEnded) return fail(unknown(id));
  if (state == State::kOpen) return ok();
  const auto there = folder.open_file(upload_path(id));
  if (!there || is_a_blob_already(*there)) {
    state = State::kEnded;
    if (there) static_cast<void>(folder.remove(upload_path(id)));
    return fail(unknown(id));
  }
  // It may have been sealed before the crash that kept it from becoming a blob.
  if (::fchmod(there->descriptor.get(), 0600) != 0)
    return fail(Code::kDenied, "{}: {}", there->path, os::errno_text(errno));
  auto to_write = folder.open_to_write(upload_path(id));
  if (!to_write) return fail(to_write.error());
  hash = base::Sha256();
  const auto have = hash_file(*there, hash);
  if (!have) return fail(have.error());
  if (::lseek(to_write->get(), static_cast<off_t>(*have), SEEK_SET) < 0)
    return fail(Code::kUnavailable, "{}: {}", there->path, os::errno_text(errno));
  size = *have;
  file = std::move(*to_write);
  state = State::kOpen;
  return ok();
}

Result<std::string> Layout::begin_upload() {
  if (Status fine = writable(); !fine) return fail(fine.error());
  std::string id = make_id();
  const runtime::MutexLock lock(uploads_mutex_);
  if (uploads_.size() >= options_.open_uploads)
    return fail(Code::kExhausted, "{} uploads are open; finish or cancel some, or try again later",
                uploads_.size());
  auto file = folder_.create(upload_path(id));
  if (!file) return fail(file.error());
  auto upload = std::make_shared<Upload>();
  {
    const runtime::MutexLock mine(upload->mutex);
    upload->file = std::move(*file);
    upload->state = Upload::State::kOpen;
  }
  uploads_.emplace(id, std::move(upload));
  return id;
}

Result<std::shared_ptr<Layout::Upload>> Layout::upload(const std::string& id) {
  const runtime::MutexLock lock(uploads_mutex_);
  const auto known = uploads_.find(id);
  if (known == uploads_.end()) return fail(unknown(id));
  return known->second;
}

void Layout::forget_upload(const std::string& id) {
  const runtime::MutexLock lock(uploads_mutex_);
  uploads_.erase(id);
}

Result<uint64_t> Layout::upload_size(const std::string& id) {
  const auto found = upload(id);
  if (!found) return fail(found.error());
  Upload& upload = **found;
  const runtime::MutexLock lock(upload.mutex);
  if (Status open = upload.open(folder_, id); !open) return fail(open.error());
  return upload.size;
}

Result<uint64_t> Layout::append(const std::string& id, uint64_t offset, std::string_view bytes) {
  const auto found = upload(id);
  if (!found) return fail(found.error());
  Upload& upload = **found;
  const runtime::MutexLock lock(upload.mutex);
  if (Status open = upload.open(folder_, id); !open) return fail(open.error());
  if (offset != upload.size)
    return fail(Code::kConflict, "the upload {} has {} bytes; go on there, not at {}", id, upload.size,
                offset);
  if (bytes.size() > options_.blob_bytes - std::min(upload.size, options_.blob_bytes))
    return fail(Code::kTooLarge, "a file may have {} bytes", options_.blob_bytes);
  if (Status written = os::write_all(upload.file, bytes); !written) {
    // What of the piece arrived is cut off again, so that the upload stays what its hash says.
    const bool cut = ::ftruncate(upload.file.get(), static_cast<off_t>(upload.size)) == 0 &&
                     ::lseek(upload.file.get(), static_cast<off_t>(upload.size), SEEK_SET) >= 0;
    if (!cut) upload.state = Upload::State::kOnDisk;
    return fail(within("storing the upload", written.error()));
  }
  upload.hash.update(bytes);
  upload.size += bytes.size();
  return upload.size;
}

// The file of an upload becomes a blob, lasting. Only then anybody may hear of it.
Status Layout::settle(const os::Descriptor& file, const std::string& id, const Digest& digest) {
  FAILPOINT("oci.before_sync");
  Status kept = ok();
  if (::fchmod(file.get(), 0444) != 0 || ::fsync(file.get()) != 0)
    kept = fail(Code::kUnavailable, "{}/{}: cannot make it lasting: {}; send it again", folder_.path(),
                upload_path(id), os::errno_text(errno));
  FAILPOINT("oci.before_rename");
  if (kept) {
    const runtime::MutexLock lock(presence_);
    // Over the same content, if it is there: the bytes are equal, or those that were there are damaged.
    kept = folder_.rename(upload_path(id), blob_path(digest));
    if (kept)
      static_cast<void>(folder_.touch(blob_path(digest), clock_.wall()));  // used now; it may have taken days
  }
  if (!kept) {
    // Asked again, the system may say that all is well, of pages that it has dropped: the bytes must come
    // again.
    static_cast<void>(folder_.remove(upload_path(id)));
    return kept;
  }
  FAILPOINT("oci.after_rename");
  return lasting("blobs/sha256");
}

Status Layout::finish_upload(const std::string& id, const Digest& digest) {
  if (Status fine = writable(); !fine) return fine;
  const auto found = upload(id);
  if (!found) return fail(found.error());
  const auto end = [&]() -> Status {
    Upload& upload = **found;
    const runtime::MutexLock lock(upload.mutex);
    if (Status open = upload.open(folder_, id); !open) return open;
    upload.state = Upload::State::kEnded;
    const os::Descriptor file = std::move(upload.file);
    if (const Digest actual = upload.hash.finish(); actual != digest) {
      static_cast<void>(folder_.remove(upload_path(id)));
      return fail(Code::kInvalid, "what arrived has the digest {}, not {}; send it again", actual.str(),
                  digest.str());
    }
    return settle(file, id, digest);
  };
  // Known until it has ended: nobody can open the file a second time while it becomes a blob.
  Status ended = end();
  forget_upload(id);
  return ended;
}

Status Layout::cancel_upload(const std::string& id) {
  const auto found = upload(id);
  if (!found) return fail(found.error());
  Status removed = ok();
  {
    const runtime::MutexLock lock((*found)->mutex);
    if (std::exchange((*found)->state, Upload::State::kEnded) == Upload::State::kEnded)
      return fail(unknown(id));
    (*found)->file.close();
    removed = folder_.remove(upload_path(id));
  }
  forget_upload(id);
  return removed;
}

Result<Digest> Layout::put_blob(std::string_view bytes) {
  if (Status fine = writable(); !fine) return fail(fine.error());
  const Digest digest = base::sha256(bytes);
  if (find_blob(digest) && is_good(digest)) {
    // It may have come a moment ago, by somebody who was not told yet.
    if (Status lasts = lasting("blobs/sha256"); !lasts) return fail(lasts.error());
    return digest;
  }
  const std::string id = make_id();
  const auto file = folder_.create(upload_path(id));
  if (!file) return fail(file.error());
  Status stored = os::write_all(*file, bytes);
  if (stored) stored = settle(*file, id, digest);
  if (stored) return digest;
  static_cast<void>(folder_.remove(upload_path(id)));
  return fail(within("storing a blob", stored.error()));
}

Status Layout::remove_old_uploads(Report& report) {
  constexpr size_t kMaxUploads = 100'000;
  const auto uploads = folder_.list("uploads", kMaxUploads);
  if (!uploads) return fail(uploads.error());
  for (const os::FolderEntry& entry : *uploads) {
    const auto known = upload(entry.name);
    const auto remove_if_old = [&]() -> Status {
      const auto facts = folder_.facts(upload_path(entry.name));
      if (!facts || is_young(*facts)) return ok();
      if (Status removed = folder_.remove(upload_path(entry.name)); !removed) return removed;
      ++report.removed;
      report.removed_bytes += facts->size;
      return ok();
    };
    if (!known) {
      if (Status removed = remove_if_old(); !removed) return removed;
      continue;
    }
    const size_t before = report.removed;
    {
      // Nobody appends meanwhile; who does afterwards is told that it is gone.
      const runtime::MutexLock lock((*known)->mutex);
      if (Status removed = remove_if_old(); !removed) return removed;
      if (report.removed != before) (*known)->state = Upload::State::kEnded;
    }
    if (report.removed != before) forget_upload(entry.name);
  }
  return ok();
}

}  // namespace slipway::oci
