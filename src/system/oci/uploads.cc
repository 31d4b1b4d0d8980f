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

// Only what make_id() makes becomes part of a path.
bool is_id(const std::string& id) {
  return id.size() == kIdLetters && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string upload_path(const std::string& id) { return "uploads/" + id; }

Error unknown(const std::string& id) {
  return {Code::kNotFound, fmt::format("there is no upload {}; begin it anew", id.substr(0, 64))};
}

// What a broken-off upload holds is hashed again: nothing but the file says what arrived.
Result<uint64_t> hash_file(const os::OpenFile& file, base::Sha256& hash) {
  std::string piece(kPiece, '\0');
  for (uint64_t at = 0;;) {
    const ssize_t got = ::pread(file.descriptor.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (got < 0) return fail(Code::kUnavailable, "{}: {}", file.path, os::errno_text(errno));
    if (got == 0) return at;
    hash.update(std::string_view(piece.data(), static_cast<size_t>(got)));
    at += static_cast<uint64_t>(got);
  }
}

}  // namespace

Result<std::string> Layout::begin_upload() {
  const std::string id = make_id();
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
  }
  uploads_.emplace(id, std::move(upload));
  return id;
}

Result<std::shared_ptr<Layout::Upload>> Layout::upload(const std::string& id) {
  if (!is_id(id)) return fail(unknown(id));
  const runtime::MutexLock lock(uploads_mutex_);
  if (const auto known = uploads_.find(id); known != uploads_.end()) return known->second;
  const auto there = folder_.open_file(upload_path(id));
  if (!there) return fail(unknown(id));
  auto file = folder_.open_to_write(upload_path(id));
  if (!file) return fail(file.error());
  auto upload = std::make_shared<Upload>();
  const runtime::MutexLock mine(upload->mutex);
  const auto size = hash_file(*there, upload->hash);
  if (!size) return fail(size.error());
  upload->size = *size;
  ::lseek(file->get(), static_cast<off_t>(*size), SEEK_SET);
  upload->file = std::move(*file);
  uploads_.emplace(id, upload);
  return upload;
}

Result<uint64_t> Layout::upload_size(const std::string& id) {
  const auto found = upload(id);
  if (!found) return fail(found.error());
  const runtime::MutexLock lock((*found)->mutex);
  if ((*found)->ended) return fail(unknown(id));
  return (*found)->size;
}

Result<uint64_t> Layout::append(const std::string& id, uint64_t offset, std::string_view bytes) {
  const auto found = upload(id);
  if (!found) return fail(found.error());
  Upload& upload = **found;
  const runtime::MutexLock lock(upload.mutex);
  if (upload.ended) return fail(unknown(id));
  if (offset != upload.size)
    return fail(Code::kConflict, "the upload {} has {} bytes; go on there, not at {}", id, upload.size,
                offset);
  if (bytes.size() > options_.blob_bytes - std::min(upload.size, options_.blob_bytes))
    return fail(Code::kTooLarge, "a file may have {} bytes", options_.blob_bytes);
  if (Status written = os::write_all(upload.file, bytes); !written) {
    // What of the piece arrived is cut off again, so that the upload stays what its hash says.
    const bool cut = ::ftruncate(upload.file.get(), static_cast<off_t>(upload.size)) == 0 &&
                     ::lseek(upload.file.get(), static_cast<off_t>(upload.size), SEEK_SET) >= 0;
    upload.ended = !cut;
    return fail(within("storing the upload", written.error()));
  }
  upload.hash.update(bytes);
  upload.size += bytes.size();
  return upload.size;
}

Status Layout::finish_upload(const std::string& id, const Digest& digest) {
  const auto found = upload(id);
  if (!found) return fail(found.error());
  {
    const runtime::MutexLock lock(uploads_mutex_);
    uploads_.erase(id);
  }
  Upload& upload = **found;
  const runtime::MutexLock lock(upload.mutex);
  if (std::exchange(upload.ended, true)) return fail(unknown(id));
  if (const Digest actual = upload.hash.finish(); actual != digest) {
    static_cast<void>(folder_.remove(upload_path(id)));
    return fail(Code::kInvalid, "what arrived has the digest {}, not {}; send it again", actual.str(),
                digest.str());
  }
  FAILPOINT("oci.before_sync");
  if (::fchmod(upload.file.get(), 0444) != 0 || ::fsync(upload.file.get()) != 0)
    return fail(Code::kUnavailable, "{}/{}: cannot make it lasting: {}", folder_.path(), upload_path(id),
                os::errno_text(errno));
  FAILPOINT("oci.before_rename");
  // Over the same content, if it is there: the bytes are equal.
  if (Status renamed = folder_.rename(upload_path(id), blob_path(digest)); !renamed) return renamed;
  FAILPOINT("oci.after_rename");
  return folder_.sync("blobs/sha256");
}

Status Layout::cancel_upload(const std::string& id) {
  const auto found = upload(id);
  if (!found) return fail(found.error());
  {
    const runtime::MutexLock lock(uploads_mutex_);
    uploads_.erase(id);
  }
  const runtime::MutexLock lock((*found)->mutex);
  (*found)->ended = true;
  return folder_.remove(upload_path(id));
}

Result<Digest> Layout::put_blob(std::string_view bytes) {
  const Digest digest = base::sha256(bytes);
  if (find_blob(digest)) return digest;
  const auto id = begin_upload();
  if (!id) return fail(id.error());
  if (auto written = append(*id, 0, bytes); !written) {
    static_cast<void>(cancel_upload(*id));
    return fail(written.error());
  }
  if (Status finished = finish_upload(*id, digest); !finished) return fail(finished.error());
  return digest;
}

}  // namespace slipway::oci
