// When a watch that ended goes on: a pure decision, so that an hour of outage is a short test.
#pragma once

#include <optional>
#include <string>

#include "system/kube/api_error.h"

namespace slipway::kube {

struct RetryOptions {
  Duration first = std::chrono::milliseconds(200);  // doubled with each failure that follows another
  Duration longest = std::chrono::seconds(30);
  Duration healthy = std::chrono::seconds(5);  // a stream that lasted so long ends the row of failures
};

// How a stream ended. `why` is empty when the server completed it, as it does every few minutes.
struct StreamEnd {
  TimePoint began;
  bool brought_events = false;
  std::optional<ApiError> why;
};

struct RetryDecision {
  enum class Next {
    kReconnect,  // from the last resourceVersion
    kRelist,     // it is too old
    kGiveUp,     // another try changes nothing before somebody mends it
  };
  Next next = Next::kReconnect;
  Duration wait{};   // before the next connection, whoever asks for it
  int failures = 0;  // in a row, this one included

  bool operator==(const RetryDecision&) const = default;
};

// `failures` in a row before this end; `jitter` in [0, 1): many watchers of a server that restarts must not
// come back at the same moment.
RetryDecision decide_retry(const RetryOptions& options, const StreamEnd& end, int failures, double jitter,
                           TimePoint now);

}  // namespace slipway::kube
