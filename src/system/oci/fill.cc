#include "system/oci/internal/fill.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace slipway::oci::internal {
namespace {

constexpr size_t kPiece = 256 << 10;

tl::unexpected<Trouble> disk(const os::OpenFile& file, std::string_view doing) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  return trouble(Culprit::kDisk, {full ? Code::kExhausted : Code::kUnavailable,
                                  fmt::format("{}: cannot {}: {}{}", file.path, doing, os::errno_text(errno),
                                              full ? "; it needs more room" : "")});
}

// Gives every piece of the file to `take`, up to `size` bytes.
Status read_pieces(const os::OpenFile& file, uint64_t size, const Take& take) {
  std::string piece(kPiece, '\0');
  for (uint64_t at = 0; at < size;) {
    const ssize_t got = ::pread(file.descriptor.get(), piece.data(),
                                std::min<uint64_t>(piece.size(), size - at), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Code::kUnavailable, "{}: {}", file.path, os::errno_text(errno));
    if (got == 0) return fail(Code::kUnavailable, "{} became shorter while it was read", file.path);
    if (Status taken = take({piece.data(), static_cast<size_t>(got)}); !taken) return taken;
    at += static_cast<uint64_t>(got);
  }
  return ok();
}

Filled start_over(const OpenTarget& target) {
  if (::ftruncate(target.writer.get(), 0) == 0) return {};
  return disk(target.reader, "empty it");
}

// From `have` bytes on, which `hash` knows.
Filled append(const OpenTarget& target, const Content& content, uint64_t have, base::Sha256& hash,
              const Pull& pull) {
  if (::lseek(target.writer.get(), static_cast<off_t>(have), SEEK_SET) < 0)
    return disk(target.reader, "go on");
  Status written = ok();
  const Status pulled = pull(content, have, [&](std::string_view bytes) {
    hash.update(bytes);
    written = os::write_all(target.writer, bytes);
    return written;
  });
  if (!written)
    return trouble(Culprit::kDisk,
                   {written.error().code,
                    fmt::format("{}: {}{}", target.reader.path, written.error().message,
                                written.error().code == Code::kExhausted ? "; it needs more room" : "")});
  if (!pulled) return trouble(Culprit::kRegistry, pulled.error());
  return {};
}

// A regular file that is ours alone to write to.
bool is_ours(const os::OpenFile& file) {
  struct stat facts{};
  return ::fstat(file.descriptor.get(), &facts) == 0 && facts.st_nlink == 1 && (facts.st_mode & 0200) != 0;
}

bool holds(const os::OpenFile& file, const Content& content) {
  if (file.size != content.size) return false;
  const auto digest = os::sha256_file(file);
  return digest && *digest == content.digest;
}

Status copy(const os::OpenFile& from, const Content& content, const os::Folder& into,
            const std::string& path) {
  auto writer = into.create(path);
  if (!writer) return fail(writer.error());
  base::Sha256 hash;
  Status copied = read_pieces(from, from.size, [&](std::string_view bytes) {
    hash.update(bytes);
    return os::write_all(*writer, bytes);
  });
  if (copied && hash.finish() != content.digest)
    copied = fail(Code::kInvalid, "{} is not what its name says", from.path);
  if (copied && (::fchmod(writer->get(), 0444) != 0 || ::fsync(writer->get()) != 0))
    copied = fail(Code::kUnavailable, "{}/{}: cannot make it lasting", into.path(), path);
  if (!copied) static_cast<void>(into.remove(path));
  return copied;
}

}  // namespace

Result<OpenTarget> OpenTarget::open(const os::Folder& folder, const std::string& path) {
  auto writer = folder.create(path);
  if (!writer && writer.error().code == Code::kConflict) writer = folder.open_to_write(path);
  if (!writer) return fail(writer.error());
  auto reader = folder.open_file(path);
  if (!reader) return fail(reader.error());
  return OpenTarget{.reader = std::move(*reader), .writer = std::move(*writer)};
}

Filled fill(const OpenTarget& target, const Content& content, const Pull& pull) {
  struct stat facts{};
  if (::fstat(target.writer.get(), &facts) != 0) return disk(target.reader, "look at it");
  uint64_t have = static_cast<uint64_t>(facts.st_size);
  if (have > content.size) {
    if (auto empty = start_over(target); !empty) return empty;
    have = 0;
  }
  base::Sha256 hash;
  const Status read = read_pieces(target.reader, have, [&](std::string_view bytes) {
    hash.update(bytes);
    return ok();
  });
  if (!read) return trouble(Culprit::kDisk, read.error());
  while (true) {
    if (auto pulled = append(target, content, have, hash, pull); !pulled) return pulled;
    const Digest actual = hash.finish();
    if (actual == content.digest) break;
    if (auto empty = start_over(target); !empty) return empty;
    if (have == 0)
      return trouble(Culprit::kRegistry, {Code::kInvalid, fmt::format("what came for {} has the digest {}",
                                                                      content.digest.str(), actual.str())});
    have = 0;  // what an earlier run left was no part of it
    hash = base::Sha256();
  }
  if (::fchmod(target.writer.get(), 0444) != 0 || ::fsync(target.writer.get()) != 0)
    return disk(target.reader, "make it lasting");
  return {};
}

Filled fill(const os::Folder& folder, const std::string& path, const Content& content, const Pull& pull) {
  if (const auto there = folder.open_file(path); there && !is_ours(*there)) {
    if (holds(*there, content)) return {};
    if (Status removed = folder.remove(path); !removed) return trouble(Culprit::kDisk, removed.error());
  }
  const auto target = OpenTarget::open(folder, path);
  if (!target) return trouble(Culprit::kDisk, target.error());
  return fill(*target, content, pull);
}

Status link_or_copy(const os::OpenFile& from, const Content& content, const os::Folder& into,
                    const std::string& path) {
  // Linked first and read then: so it is read once, and what was linked is what was read.
  if (!into.link_open(from, path)) return copy(from, content, into, path);
  if (holds(from, content)) return ok();
  static_cast<void>(into.remove(path));
  return fail(Code::kInvalid, "{} is not what its name says", from.path);
}

}  // namespace slipway::oci::internal
