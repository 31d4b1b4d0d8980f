// A lock that lasts as long as the process does, and names its holder: a POSIX record lock on a file. It
// survives exec, never outlives the process, and leaves nothing stale behind.
//
// The file is opened once and kept open: with POSIX locks, closing any other descriptor of it would drop the
// lock.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "system/os/descriptor.h"
#include "values/base/result.h"

namespace slipway::os {

class FileLock {
 public:
  // kConflict when another process holds it; its message names the process.
  static Result<FileLock> take(const std::string& path);

 private:
  explicit FileLock(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

// Who holds the lock of that file; nothing when nobody does, or there is no such file. Not for the holder
// itself.
std::optional<pid_t> lock_holder(const std::string& path);

// A lock on a file that is open for writing, also against other threads of this process; it ends with the
// descriptor. kConflict: somebody else holds it; kUnsupported: the file system knows no locks.
Status lock_open_file(const Descriptor& file);

}  // namespace slipway::os
