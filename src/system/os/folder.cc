#include "system/os/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace slipway::os {
namespace {

constexpr uint64_t kBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

Code code_of(int number) {
  switch (number) {
    case ENOENT:
      return Code::kNotFound;
    case EEXIST:
      return Code::kConflict;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return Code::kExhausted;
    case EIO:
      return Code::kUnavailable;
    default:
      return Code::kDenied;
  }
}

WallTime to_time(const timespec& time) {
  return WallTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

timespec from_time(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return {.tv_sec = seconds.time_since_epoch().count(), .tv_nsec = (time - seconds).count()};
}

}  // namespace

Status write_all(const Descriptor& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(code_of(errno), "cannot write: {}", errno_text(errno));
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return ok();
}

Error Folder::error(const std::string& relative, std::string_view doing, int number) const {
  return {code_of(number), fmt::format("{}/{}: cannot {}: {}", path_, relative, doing, errno_text(number))};
}

Result<Folder> Folder::open(const std::string& path) {
  Descriptor folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return fail(code_of(errno), "{}: {}", path, errno_text(errno));
  return Folder(path, std::move(folder));
}

Result<Descriptor> Folder::open_at(const std::string& relative, int flags, mode_t mode) const {
  if (relative.find('\0') != std::string::npos)
    return fail(Code::kInvalid, "{}/{}: a name holds a zero byte", path_, relative.c_str());
  open_how how{
      .flags = static_cast<uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW), .mode = mode, .resolve = kBelow};
  const long fd =
      ::syscall(SYS_openat2, folder_.get(), relative.empty() ? "." : relative.c_str(), &how, sizeof how);
  if (fd >= 0) return Descriptor(static_cast<int>(fd));
  const int number = errno;
  if (number == EXDEV || number == ELOOP)
    return fail(Code::kDenied, "{}/{} leads out of its folder, or over a symbolic link", path_, relative);
  return fail(error(relative, "open", number));
}

Result<Folder::Place> Folder::place(const std::string& relative) const {
  const size_t slash = relative.rfind('/');
  const std::string name = relative.substr(slash == std::string::npos ? 0 : slash + 1);
  // These two are no entries of their folder: what is done to them is done elsewhere.
  if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string::npos)
    return fail(Code::kDenied, "{}/{} does not end with a name", path_, relative.c_str());
  auto folder = open_at(slash == std::string::npos ? "" : relative.substr(0, slash), O_PATH | O_DIRECTORY);
  if (!folder) return fail(folder.error());
  return Place{.folder = std::move(*folder), .name = name};
}

Result<OpenFile> Folder::open_file(const std::string& relative) const {
  auto file = open_at(relative, O_RDONLY | O_NONBLOCK);
  if (!file) return fail(file.error());
  struct stat facts{};
  if (::fstat(file->get(), &facts) != 0) return fail(error(relative, "look at", errno));
  if (!S_ISREG(facts.st_mode)) return fail(Code::kInvalid, "{}/{} is not a regular file", path_, relative);
  return OpenFile{.descriptor = std::move(*file),
                  .path = path_ + "/" + relative,
                  .size = static_cast<uint64_t>(facts.st_size)};
}

Result<Descriptor> Folder::create(const std::string& relative) const {
  return open_at(relative, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

Result<Descriptor> Folder::open_to_write(const std::string& relative) const {
  return open_at(relative, O_WRONLY);
}

Result<FileFacts> Folder::facts(const std::string& relative) const {
  const auto file = open_at(relative, O_PATH);
  if (!file) return fail(file.error());
  struct stat facts{};
  if (::fstat(file->get(), &facts) != 0) return fail(error(relative, "look at", errno));
  if (!S_ISREG(facts.st_mode)) return fail(Code::kInvalid, "{}/{} is not a regular file", path_, relative);
  return FileFacts{.size = static_cast<uint64_t>(facts.st_size),
                   .changed = std::max(to_time(facts.st_mtim), to_time(facts.st_ctim))};
}

Status Folder::touch(const std::string& relative, WallTime now) const {
  const auto at = place(relative);
  if (!at) return fail(at.error());
  const std::array<timespec, 2> times{from_time(now), from_time(now)};
  if (::utimensat(at->folder.get(), at->name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    return fail(error(relative, "touch", errno));
  return ok();
}

Status Folder::make_folder(const std::string& relative) const {
  const auto at = place(relative);
  if (!at) return fail(at.error());
  if (::mkdirat(at->folder.get(), at->name.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(error(relative, "make the folder", errno));
  const auto made = open_at(relative, O_PATH | O_DIRECTORY);
  return made ? ok() : Status(fail(made.error()));
}

Status Folder::rename(const std::string& from, const std::string& to) const {
  const auto source = place(from), target = place(to);
  if (!source || !target) return fail(source ? target.error() : source.error());
  if (::renameat(source->folder.get(), source->name.c_str(), target->folder.get(), target->name.c_str()) != 0)
    return fail(error(to, "rename", errno));
  return ok();
}

Status Folder::link(const std::string& from, const Folder& into, const std::string& to) const {
  const auto source = place(from), target = into.place(to);
  if (!source || !target) return fail(source ? target.error() : source.error());
  if (::linkat(source->folder.get(), source->name.c_str(), target->folder.get(), target->name.c_str(), 0) !=
      0)
    return fail(into.error(to, "link", errno));
  return ok();
}

Status Folder::link_open(const OpenFile& file, const std::string& to) const {
  const auto target = place(to);
  if (!target) return fail(target.error());
  const std::string source = fmt::format("/proc/self/fd/{}", file.descriptor.get());
  if (::linkat(AT_FDCWD, source.c_str(), target->folder.get(), target->name.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return fail(error(to, "link", errno));
  return ok();
}

Status Folder::remove(const std::string& relative) const {
  const auto at = place(relative);
  if (!at) return at.error().code == Code::kNotFound ? ok() : Status(fail(at.error()));
  if (::unlinkat(at->folder.get(), at->name.c_str(), 0) != 0 && errno != ENOENT)
    return fail(error(relative, "remove", errno));
  return ok();
}

Result<std::vector<FolderEntry>> Folder::list(const std::string& relative, size_t max_entries) const {
  auto folder = open_at(relative, O_RDONLY | O_DIRECTORY);
  if (!folder) return fail(folder.error());
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(folder->get()), ::closedir);
  if (!entries) return fail(error(relative, "list", errno));
  static_cast<void>(folder->release());
  std::vector<FolderEntry> out;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() == max_entries)
      return fail(Code::kTooLarge, "{}/{} holds more than {} entries", path_, relative, max_entries);
    struct stat facts{};
    if (::fstatat(::dirfd(entries.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const EntryKind kind = S_ISREG(facts.st_mode)   ? EntryKind::kFile
                           : S_ISDIR(facts.st_mode) ? EntryKind::kFolder
                           : S_ISLNK(facts.st_mode) ? EntryKind::kLink
                                                    : EntryKind::kOther;
    out.push_back({.name = name,
                   .kind = kind,
                   .size = kind == EntryKind::kFile ? static_cast<uint64_t>(facts.st_size) : 0});
  }
  std::sort(out.begin(), out.end(),
            [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; });
  return out;
}

Status Folder::sync(const std::string& relative) const {
  const auto folder = open_at(relative, O_RDONLY | O_DIRECTORY);
  if (!folder) return fail(folder.error());
  return ::fsync(folder->get()) == 0 ? ok() : Status(fail(error(relative, "make lasting", errno)));
}

Status Folder::replace(const std::string& relative, std::string_view text, mode_t mode) const {
  const std::string aside = fmt::format("{}.{}.new", relative, ::getpid());
  if (Status gone = remove(aside); !gone) return gone;
  auto file = create(aside);
  if (!file) return fail(file.error());
  Status written = write_all(*file, text);
  if (written && (::fchmod(file->get(), mode) != 0 || ::fsync(file->get()) != 0))
    written = fail(error(aside, "write", errno));
  if (written) written = rename(aside, relative);
  if (!written) {
    static_cast<void>(remove(aside));
    return fail(within(path_ + "/" + relative, written.error()));
  }
  const size_t slash = relative.rfind('/');
  return sync(slash == std::string::npos ? "" : relative.substr(0, slash));
}

Result<std::string> Folder::read(const std::string& relative, uint64_t limit) const {
  auto file = open_file(relative);
  if (!file) return fail(file.error());
  if (file->size > limit)
    return fail(Code::kTooLarge, "{} has {} bytes; {} are allowed", file->path, file->size, limit);
  std::string out(file->size, '\0');
  size_t have = 0;
  while (have < out.size()) {
    const ssize_t got =
        ::pread(file->descriptor.get(), out.data() + have, out.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(error(relative, "read", errno));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  out.resize(have);
  return out;
}

}  // namespace slipway::os
