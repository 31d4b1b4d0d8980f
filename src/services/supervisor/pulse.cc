#include "services/supervisor/pulse.h"

namespace slipway::supervisor {

Pulse next_pulse(const Pulse& before, Heard heard) {
  if (heard == Heard::kAnswer) return {.began = true, .missed = 0};
  return {.began = before.began, .missed = before.began ? before.missed + 1 : 0};
}

bool hangs(const Pulse& pulse, const PulseOptions& options) { return pulse.missed >= options.misses; }

}  // namespace slipway::supervisor
