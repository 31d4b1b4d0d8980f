// When a process that ended is started again: at once the first time, then later each time.
#pragma once

#include "values/base/time.h"

namespace slipway::supervisor {

struct RestartOptions {
  Duration first = std::chrono::milliseconds(100);  // before the second start in a row; doubled with each
  Duration longest = std::chrono::seconds(2);       // one start costs little, and callers wait
  Duration healthy = std::chrono::seconds(1);       // who ran so long begins a new row
};

struct Restart {
  int in_a_row = 0;  // ends, the one just seen included
  TimePoint at;      // of the next start

  bool operator==(const Restart&) const = default;
};

// `before`: how often it had ended in a row; `started`: when it was last started.
Restart next_start(int before, TimePoint started, TimePoint now, const RestartOptions& options = {});

}  // namespace slipway::supervisor
