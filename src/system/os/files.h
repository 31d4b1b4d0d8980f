// Files of strangers, opened without surprises: only regular files are read, nothing blocks on a FIFO or
// wakes a device, every read has a limit.
//
// Failure: kNotFound when there is no such path; kDenied when the system says no; kInvalid when it is not a
// regular file (or not a folder); kTooLarge over the limit. Each error names the path and what the system
// said. Threads: everything here may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "system/os/descriptor.h"
#include "values/base/digest.h"
#include "values/base/result.h"

namespace slipway::os {

// No limit of ours; only for what is read in pieces.
inline constexpr uint64_t kAnySize = UINT64_MAX;

// A regular file, open for reading, with the size it had when it was opened.
struct OpenFile {
  Descriptor descriptor;
  std::string path;  // as errors name it
  uint64_t size = 0;
};

// Symbolic links are followed: the path is the user's own word.
Result<OpenFile> open_file(const std::string& path);

// A regular file strictly below `folder`: no absolute path, no "..", no symbolic link on the way (openat2
// with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). For paths that a stranger's file names. kDenied when it leads
// out.
Result<OpenFile> open_below(const std::string& folder, const std::string& relative);

// A regular file's bytes, mapped read-only: they cost memory only as they are touched, and the system can
// drop them again. If somebody shortens the file while it is mapped, touching the lost part kills the process
// with SIGBUS, so map only what nobody writes to: a store's read-only files, or inside a confined child.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path, uint64_t limit);
  static Result<MappedFile> map(const OpenFile& file,
                                uint64_t limit);  // the descriptor is not needed afterwards

  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }
  const std::string& path() const { return path_; }

  // Says that the bytes will be read once, front to back.
  void will_read_once() const;

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// A regular file's bytes, copied.
Result<std::string> read_file(const std::string& path, uint64_t limit);

// At most `bytes` of a regular file's beginning, copied.
Result<std::string> read_beginning(const std::string& path, size_t bytes);

// The digest of a file's bytes, read in pieces of 256 KiB: the page cache, not our memory, holds it.
Result<Digest> sha256_file(const std::string& path);
Result<Digest> sha256_file(const OpenFile& file);

enum class EntryKind : uint8_t { kFile, kFolder, kLink, kOther };

struct FolderEntry {
  std::string name;
  EntryKind kind = EntryKind::kOther;
  uint64_t size = 0;  // of a regular file; else 0

  bool operator==(const FolderEntry&) const = default;
};

// What lies directly in a folder, sorted by name. kTooLarge when there are more than `max_entries`.
Result<std::vector<FolderEntry>> list_folder(const std::string& path, size_t max_entries);

bool is_folder(const std::string& path);

// The folder of the running program's file, links resolved; no slash at its end.
std::string program_folder();

}  // namespace slipway::os
