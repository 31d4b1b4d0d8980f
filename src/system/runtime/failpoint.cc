#include "system/runtime/failpoint.h"

#ifdef SLIPWAY_FAILPOINTS

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace slipway::runtime {

void pass_failpoint(const char* name) {
  static const char* wanted = std::getenv("SLIPWAY_FAILPOINT");
  static std::atomic<int> hits{0};
  if (wanted == nullptr) return;
  const std::string_view text(wanted), place(name);
  if (!text.starts_with(place)) return;
  const std::string_view rest = text.substr(place.size());
  if (!rest.empty() && rest.front() != ':') return;
  const int due = rest.empty() ? 1 : std::atoi(rest.data() + 1);
  if (++hits == due) ::kill(::getpid(), SIGKILL);
}

}  // namespace slipway::runtime

#endif
