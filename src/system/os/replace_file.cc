#include "system/os/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "system/os/descriptor.h"

namespace slipway::os {
namespace {

namespace fs = std::filesystem;

Error system_error(const std::string& path, std::string_view doing, int error) {
  return {error == ENOSPC || error == EDQUOT ? Code::kExhausted : Code::kDenied,
          fmt::format("{}: cannot {}: {}", path, doing, errno_text(error))};
}

Status write_all(const Descriptor& file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(system_error(path, "write", errno));
    text.remove_prefix(static_cast<size_t>(put));
  }
  return ::fsync(file.get()) == 0 ? ok() : fail(system_error(path, "write", errno));
}

}  // namespace

Status make_folders(const std::string& path) {
  std::error_code error;
  std::vector<fs::path> folders;
  for (fs::path missing = path; !missing.empty() && !fs::exists(missing, error) && folders.size() < 64;
       missing = missing.parent_path())
    folders.push_back(missing);
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
    if (::mkdir(folder->c_str(), 0700) != 0 && errno != EEXIST)
      return fail(system_error(folder->string(), "make the folder", errno));
  return ok();
}

Status replace_file(const std::string& path, std::string_view text, mode_t mode) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(fs::absolute(path, error), error);
  if (error) return fail(system_error(path, "find", error.value()));
  if (Status made = make_folders(real.parent_path()); !made) return made;
  const std::string aside = fmt::format("{}.{}.new", real.string(), ::getpid());
  ::unlink(aside.c_str());  // of a process of the same number that ended halfway
  Descriptor file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.valid()) return fail(system_error(aside, "write", errno));
  Status written = write_all(file, aside, text);
  if (written && ::rename(aside.c_str(), real.c_str()) != 0)
    written = fail(system_error(real, "replace", errno));
  if (!written) {
    ::unlink(aside.c_str());
    return written;
  }
  const Descriptor folder(::open(real.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) return fail(system_error(real, "make lasting", errno));
  return ok();
}

}  // namespace slipway::os
