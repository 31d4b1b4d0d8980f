#include "system/os/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace slipway::os {

void random_bytes(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) std::abort();
    out = out.subspan(static_cast<size_t>(got));
  }
}

}  // namespace slipway::os
