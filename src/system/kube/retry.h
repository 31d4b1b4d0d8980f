// When a watch that ended goes on: a pure decision, so that an hour of outage is a short test.
#pragma once

#include <optional>
#include <string>

#include "system/kube/api_error.h"
#include "system/runtime/mutex.h"

namespace slipway::kube {

struct RetryOptions {
  Duration first = std::chrono::milliseconds(800);  // doubled with each failure that follows another
  Duration longest = std::chrono::seconds(30);
  Duration healthy = std::chrono::minutes(2);  // a stream that lasted so long ends the row of failures
};

// How a stream ended. `why` is empty when the server completed it, as it does every few minutes.
struct StreamEnd {
  TimePoint began;
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
// come back at the same moment. The pause counts from when the stream began, so that one which is cut after a
// minute, as proxies do, waits for nothing; a Retry-After counts from now, and wins.
RetryDecision decide_retry(const RetryOptions& options, const StreamEnd& end, int failures, double jitter,
                           TimePoint now);

// A row of failures that goes on over several watches of the same thing, one after the other: whoever opens
// another watch because the last one gave up comes no sooner than that one would have. Thread-safe.
class RetryRow {
 public:
  int failures() const SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    return failures_;
  }
  // How long the next connection has to wait.
  Duration due(TimePoint now) const SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    return not_before_ > now ? not_before_ - now : Duration::zero();
  }
  void set(const RetryDecision& decision, TimePoint now) SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    failures_ = decision.failures;
    not_before_ = now + decision.wait;
  }

 private:
  mutable runtime::Mutex mutex_;
  int failures_ SLIPWAY_GUARDED_BY(mutex_) = 0;
  TimePoint not_before_ SLIPWAY_GUARDED_BY(mutex_);
};

}  // namespace slipway::kube
