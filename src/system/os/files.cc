#include "system/os/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace slipway::os {
namespace {

constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Code code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Code::kNotFound;
    case EACCES:
    case EPERM:
    case ELOOP:
    case EXDEV:
      return Code::kDenied;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Code::kExhausted;
    default:
      return Code::kInvalid;
  }
}

Error system_error(std::string_view path, std::string_view doing, int error) {
  return Error{code_of(error), fmt::format("{}: cannot {}: {}", path, doing, errno_text(error))};
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "not a regular file";
}

Status check_regular(const std::string& path, const struct stat& facts) {
  if (S_ISREG(facts.st_mode)) return ok();
  return fail(Code::kInvalid, "{}: is {}; a regular file is needed", path, kind_of(facts.st_mode));
}

Result<OpenFile> checked(Descriptor descriptor, const std::string& path) {
  struct stat facts{};
  if (::fstat(descriptor.get(), &facts) != 0) return fail(system_error(path, "examine", errno));
  if (auto regular = check_regular(path, facts); !regular) return fail(regular.error());
  return OpenFile{std::move(descriptor), path, static_cast<uint64_t>(facts.st_size)};
}

Status check_limit(const std::string& path, uint64_t size, uint64_t limit) {
  if (size <= limit) return ok();
  return fail(Code::kTooLarge, "{}: has {} bytes; at most {} are read", path, size, limit);
}

// Calls `take` with each piece until the file ends, `wanted` bytes were given, or reading fails.
template <class Take>
Status read_pieces(const OpenFile& file, std::span<char> buffer, uint64_t wanted, Take take) {
  off_t offset = 0;
  while (wanted > 0) {
    const size_t ask = static_cast<size_t>(std::min<uint64_t>(buffer.size(), wanted));
    const ssize_t got = ::pread(file.descriptor.get(), buffer.data(), ask, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error(file.path, "read", errno));
    if (got == 0) break;
    take(std::string_view(buffer.data(), static_cast<size_t>(got)));
    offset += got;
    wanted -= static_cast<uint64_t>(got);
  }
  return ok();
}

Result<std::string> read_up_to(const OpenFile& file, uint64_t wanted) {
  std::string out;
  out.reserve(static_cast<size_t>(std::min(wanted, file.size)));
  std::array<char, 16 * 1024> buffer;
  auto read = read_pieces(file, buffer, wanted, [&](std::string_view piece) { out += piece; });
  if (!read) return fail(read.error());
  return out;
}

FolderEntry describe(int folder, const char* entry_name) {
  FolderEntry entry{.name = entry_name};
  struct stat facts{};
  if (::fstatat(folder, entry_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return entry;
  if (S_ISREG(facts.st_mode)) {
    entry.kind = EntryKind::kFile;
    entry.size = static_cast<uint64_t>(facts.st_size);
  } else if (S_ISDIR(facts.st_mode)) {
    entry.kind = EntryKind::kFolder;
  } else if (S_ISLNK(facts.st_mode)) {
    entry.kind = EntryKind::kLink;
  }
  return entry;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

Result<OpenFile> open_file(const std::string& path) {
  // Asked before opening too, because opening alone can already do something to a device.
  struct stat facts{};
  if (::stat(path.c_str(), &facts) != 0) return fail(system_error(path, "open", errno));
  if (auto regular = check_regular(path, facts); !regular) return fail(regular.error());
  Descriptor descriptor(::open(path.c_str(), kReadFlags));
  if (!descriptor.valid()) return fail(system_error(path, "open", errno));
  return checked(std::move(descriptor), path);
}

Result<OpenFile> open_below(const std::string& folder, const std::string& relative) {
  const std::string path = folder + "/" + relative;
  if (relative.find('\0') != std::string::npos) {
    return fail(Code::kInvalid, "{}: a file name below {} holds a zero byte", path.c_str(), folder);
  }
  Descriptor root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return fail(system_error(folder, "open the folder", errno));
  struct open_how how{};
  how.flags = kReadFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  Descriptor descriptor(
      static_cast<int>(::syscall(SYS_openat2, root.get(), relative.c_str(), &how, sizeof how)));
  if (descriptor.valid()) return checked(std::move(descriptor), path);
  if (errno == EXDEV) return fail(Code::kDenied, "{}: leads out of {}", relative, folder);
  if (errno == ELOOP) return fail(Code::kDenied, "{}: a symbolic link lies on the way", path);
  if (errno == ENOSYS) {
    return fail(Code::kUnsupported, "{}: the system has no openat2; Linux 5.6 or newer is needed", path);
  }
  return fail(system_error(path, "open", errno));
}

Result<MappedFile> MappedFile::open(const std::string& path, uint64_t limit) {
  auto file = open_file(path);
  if (!file) return fail(file.error());
  return map(*file, limit);
}

Result<MappedFile> MappedFile::map(const OpenFile& file, uint64_t limit) {
  if (auto fits = check_limit(file.path, file.size, limit); !fits) return fail(fits.error());
  MappedFile out;
  out.path_ = file.path;
  if (file.size == 0) return out;
  const auto size = static_cast<size_t>(file.size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor.get(), 0);
  if (data == MAP_FAILED) return fail(system_error(file.path, "map", errno));
  out.data_ = static_cast<const std::byte*>(data);
  out.size_ = size;
  return out;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void MappedFile::will_read_once() const {
  if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_SEQUENTIAL);
}

Result<std::string> read_file(const std::string& path, uint64_t limit) {
  auto file = open_file(path);
  if (!file) return fail(file.error());
  if (auto fits = check_limit(path, file->size, limit); !fits) return fail(fits.error());
  // One byte more than allowed is asked for: the file may have grown, and files below /proc claim no size.
  auto bytes = read_up_to(*file, limit == kAnySize ? limit : limit + 1);
  if (!bytes) return fail(bytes.error());
  if (auto fits = check_limit(path, bytes->size(), limit); !fits) return fail(fits.error());
  return bytes;
}

Result<std::string> read_beginning(const std::string& path, size_t bytes) {
  auto file = open_file(path);
  if (!file) return fail(file.error());
  return read_up_to(*file, bytes);
}

Result<Digest> sha256_file(const std::string& path) {
  auto file = open_file(path);
  if (!file) return fail(file.error());
  return sha256_file(*file);
}

Result<Digest> sha256_file(const OpenFile& file) {
  base::Sha256 hasher;
  std::vector<char> buffer(static_cast<size_t>(std::clamp<uint64_t>(file.size, 4096, 256 * 1024)));
  auto read = read_pieces(file, buffer, kAnySize, [&](std::string_view piece) { hasher.update(piece); });
  if (!read) return fail(read.error());
  return hasher.finish();
}

Result<std::vector<FolderEntry>> list_folder(const std::string& path, size_t max_entries) {
  std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
  if (folder == nullptr) return fail(system_error(path, "list", errno));
  std::vector<FolderEntry> entries;
  errno = 0;
  while (const dirent* found = ::readdir(folder.get())) {
    const std::string_view entry_name = found->d_name;
    if (entry_name == "." || entry_name == "..") continue;
    if (entries.size() == max_entries) {
      return fail(Code::kTooLarge, "{}: holds more than {} entries", path, max_entries);
    }
    entries.push_back(describe(::dirfd(folder.get()), found->d_name));
    errno = 0;
  }
  if (errno != 0) return fail(system_error(path, "list", errno));
  std::ranges::sort(entries, {}, &FolderEntry::name);
  return entries;
}

bool is_folder(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

std::string program_folder() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  const std::string_view program(path.data(), length > 0 ? static_cast<size_t>(length) : 0);
  return std::string(program.substr(0, program.rfind('/')));
}

}  // namespace slipway::os
