#include "system/os/file_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace slipway::os {
namespace {

struct flock whole_file() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

bool is_still(const std::string& path, const Descriptor& file) {
  struct stat named{}, opened{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(file.get(), &opened) == 0 &&
         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

}  // namespace

Result<FileLock> FileLock::take(const std::string& path) {
  Descriptor file;
  struct flock lock = whole_file();
  int taken = 0;
  do {
    file = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) return fail(Code::kDenied, "{}: {}", path, errno_text(errno));
    taken = ::fcntl(file.get(), F_SETLK, &lock);
    // A lock on a file that was removed meanwhile is seen by nobody.
  } while (taken == 0 && !is_still(path, file));
  if (taken == 0) return FileLock(std::move(file));
  if (errno != EACCES && errno != EAGAIN) return fail(Code::kDenied, "{}: {}", path, errno_text(errno));
  struct flock holder = whole_file();
  ::fcntl(file.get(), F_GETLK, &holder);
  return fail(Code::kConflict, "{} is held by process {}", path, holder.l_pid);
}

std::optional<pid_t> lock_holder(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  struct flock lock = whole_file();
  if (!file.valid() || ::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
    return std::nullopt;
  return lock.l_pid;
}

Status lock_open_file(const Descriptor& file) {
  struct flock lock = whole_file();
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) == 0) return ok();
  if (errno == EACCES || errno == EAGAIN) return fail(Code::kConflict, "another process holds the lock");
  return fail(Code::kUnsupported, "no lock is to be had: {}", errno_text(errno));
}

}  // namespace slipway::os
