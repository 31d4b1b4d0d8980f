// The calls that change files, as the linker's --wrap puts them before the real ones: done first, then told
// to the disk that records, if there is one.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>

#include "system/oci/testing/recorded_disk.h"

using slipway::oci::RecordedDisk;

// NOLINTBEGIN(bugprone-reserved-identifier): the linker's names
extern "C" {

ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_ftruncate(int fd, off_t size);
int __real_fchmod(int fd, mode_t mode);
int __real_fsync(int fd);
int __real_mkdirat(int folder, const char* name, mode_t mode);
int __real_renameat(int from, const char* old_name, int to, const char* new_name);
int __real_linkat(int from, const char* old_name, int to, const char* new_name, int flags);
int __real_unlinkat(int folder, const char* name, int flags);
long __real_syscall(long number, ...);

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  RecordedDisk* disk = RecordedDisk::current();
  const bool full = disk != nullptr && disk->write_fails();
  if (full && size < 2) return errno = ENOSPC, -1;
  const ssize_t put = __real_write(fd, bytes, full ? size / 2 : size);
  if (disk != nullptr && put > 0)
    disk->wrote(fd, {static_cast<const char*>(bytes), static_cast<size_t>(put)});
  if (full) disk->fill_up_at_write(1);  // half of it fitted; the next does not
  return put;
}

int __wrap_ftruncate(int fd, off_t size) {
  const int result = __real_ftruncate(fd, size);
  if (result == 0 && RecordedDisk::current() != nullptr) RecordedDisk::current()->truncated(fd, size);
  return result;
}

int __wrap_fchmod(int fd, mode_t mode) {
  const int result = __real_fchmod(fd, mode);
  if (result == 0 && RecordedDisk::current() != nullptr) RecordedDisk::current()->changed_mode(fd, mode);
  return result;
}

int __wrap_fsync(int fd) {
  RecordedDisk* disk = RecordedDisk::current();
  if (disk != nullptr && disk->sync_fails()) return errno = EIO, -1;
  const int result = __real_fsync(fd);
  if (result == 0 && disk != nullptr) disk->synced(fd);
  return result;
}

int __wrap_mkdirat(int folder, const char* name, mode_t mode) {
  const int result = __real_mkdirat(folder, name, mode);
  if (result == 0 && RecordedDisk::current() != nullptr) RecordedDisk::current()->made_folder(folder, name);
  return result;
}

int __wrap_renameat(int from, const char* old_name, int to, const char* new_name) {
  const int result = __real_renameat(from, old_name, to, new_name);
  if (result == 0 && RecordedDisk::current() != nullptr)
    RecordedDisk::current()->renamed(from, old_name, to, new_name);
  return result;
}

int __wrap_linkat(int from, const char* old_name, int to, const char* new_name, int flags) {
  const int result = __real_linkat(from, old_name, to, new_name, flags);
  if (result == 0 && RecordedDisk::current() != nullptr)
    RecordedDisk::current()->linked(old_name, to, new_name);
  return result;
}

int __wrap_unlinkat(int folder, const char* name, int flags) {
  const int result = __real_unlinkat(folder, name, flags);
  if (result == 0 && RecordedDisk::current() != nullptr) RecordedDisk::current()->removed(folder, name);
  return result;
}

long __wrap_syscall(long number, ...) {
  va_list arguments;
  va_start(arguments, number);
  long a[6];
  for (long& each : a) each = va_arg(arguments, long);
  va_end(arguments);
  const long result = __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (number != SYS_openat2 || result < 0 || RecordedDisk::current() == nullptr) return result;
  if ((reinterpret_cast<const open_how*>(a[2])->flags & O_CREAT) != 0)
    RecordedDisk::current()->created(static_cast<int>(result));
  return result;
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
