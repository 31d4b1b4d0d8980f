// When a part that runs and does not answer is given up: a process that hangs helps nobody, and keeps callers
// waiting at the socket that it does not read.
#pragma once

#include <cstdint>

#include "values/base/time.h"

namespace slipway::supervisor {

struct PulseOptions {
  Duration every = std::chrono::seconds(2);  // between two questions
  int misses = 4;                            // in a row, that are enough
};

// Counted in questions, not in time: who asks may have been stopped himself.
struct Pulse {
  bool began = false;  // it has answered, so it has started and should go on answering
  int missed = 0;      // questions in a row

  bool operator==(const Pulse&) const = default;
};

enum class Heard : uint8_t { kAnswer, kNothing };
Pulse next_pulse(const Pulse& before, Heard heard);
bool hangs(const Pulse& pulse, const PulseOptions& options = {});

}  // namespace slipway::supervisor
