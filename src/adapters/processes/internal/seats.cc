#include "adapters/processes/internal/seats.h"

#include <algorithm>

namespace slipway::processes {
namespace {

bool taken(std::span<const Seat> seats, int ordinal) {
  return std::ranges::any_of(seats, [&](const Seat& seat) { return seat.ordinal == ordinal; });
}

}  // namespace

Steps next_steps(std::span<const Seat> seats, int wanted) {
  Steps steps;
  int kept = 0, ready = 0;
  std::vector<const Seat*> extra;
  for (const Seat& seat : seats) {
    ready += seat.running && seat.ready && !seat.leaving;
    if (!seat.leaving && !seat.retiring && kept < wanted) {
      ++kept;
      if (!seat.running && seat.due) steps.start.push_back(seat.ordinal);
    } else if (!seat.running) {
      steps.forget.push_back(seat.ordinal);
    } else if (!seat.leaving) {
      extra.insert(extra.begin(), &seat);
    }
  }
  for (int ordinal = 0; kept < wanted; ++ordinal)
    if (!taken(seats, ordinal)) {
      steps.start.push_back(ordinal);
      ++kept;
    }
  for (const Seat* seat : extra) {
    // Whoever answers goes on until enough others do.
    if (seat->ready && wanted > 0 && ready <= wanted) continue;
    ready -= seat->ready;
    steps.stop.push_back(seat->ordinal);
  }
  return steps;
}

}  // namespace slipway::processes
