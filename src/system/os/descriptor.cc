#include "system/os/descriptor.h"

#include <unistd.h>

#include <system_error>

namespace slipway::os {

void Descriptor::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string errno_text(int error) { return std::generic_category().message(error); }

}  // namespace slipway::os
