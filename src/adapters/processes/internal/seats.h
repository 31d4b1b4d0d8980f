// Which replicas of a revision are to start and which to stop: a pure function of what there is and how many
// are wanted.
#pragma once

#include <span>
#include <vector>

namespace slipway::processes {

// A replica's place, by its ordinal. One that does not run waits to be started (again).
struct Seat {
  int ordinal = 0;
  bool running = false;
  bool ready = false;
  bool leaving = false;   // told to stop, or draining already
  bool retiring = false;  // to be replaced: another comes first, then it goes
  bool due = true;        // when it does not run: may be started now
};

struct Steps {
  std::vector<int> start;   // also ordinals that there is no seat of yet
  std::vector<int> stop;    // running ones, the highest first
  std::vector<int> forget;  // that do not run, and shall not

  bool operator==(const Steps&) const = default;
};

// `seats` by rising ordinal. The lowest stay. Those that are too many stop when, without them, as many as are
// wanted are ready, or when they are not ready themselves.
Steps next_steps(std::span<const Seat> seats, int wanted);

}  // namespace slipway::processes
