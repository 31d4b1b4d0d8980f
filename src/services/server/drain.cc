#include "services/server/drain.h"

#include <algorithm>

namespace slipway::server {

// How long refusals are given after the deadline.
constexpr Duration kRefusingTime = std::chrono::seconds(1);

DrainState next_drain_state(DrainState state, const DrainView& view, const DrainOptions& options) {
  const Duration past = view.now - view.started;
  switch (state) {
    case DrainState::kAnswering: {
      if (past >= options.deadline) return DrainState::kRefusing;
      // A request may arrive while `now` is being looked at: that is no silence, and no negative one either.
      const TimePoint last = std::max(view.last_arrival, view.started);
      const Duration silent = std::max<Duration>(view.now - last, Duration(0));
      return silent >= options.quiet ? DrainState::kClosing : state;
    }
    case DrainState::kClosing:
      if (view.in_flight == 0 && view.connections == 0) return DrainState::kDone;
      return past >= options.deadline ? DrainState::kRefusing : state;
    case DrainState::kRefusing: {
      const bool all_gone = view.in_flight == 0 && view.connections == 0;
      return all_gone || past >= options.deadline + kRefusingTime ? DrainState::kDone : state;
    }
    case DrainState::kDone:
      break;
  }
  return DrainState::kDone;
}

}  // namespace slipway::server
