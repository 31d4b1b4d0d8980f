#include "services/supervisor/restart.h"

#include <algorithm>

namespace slipway::supervisor {

Restart next_start(int before, TimePoint started, TimePoint now, const RestartOptions& options) {
  if (now - started >= options.healthy || before == 0) return {.in_a_row = 1, .at = now};
  const Duration wait = std::min(options.first * (1 << std::min(before - 1, 20)), options.longest);
  return {.in_a_row = before + 1, .at = now + wait};
}

}  // namespace slipway::supervisor
