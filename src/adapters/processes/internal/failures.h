// When what ended by itself is started again: 1 s later, then 2 s, up to a minute; from the beginning when it
// was ready for a while. Pure.
#pragma once

#include <optional>

#include "values/base/time.h"

namespace slipway::processes {

inline constexpr Duration kFirstPause = std::chrono::seconds(1), kLongestPause = std::chrono::minutes(1);
inline constexpr Duration kReadyForAWhile = std::chrono::minutes(1);

// After so many failures in a row, 1 for the first.
Duration pause_after(int failures);

class Failures {
 public:
  void note_end(TimePoint now);
  // At each look at it; `now` of a look at which it is ready. True: it has been for a while, and all is
  // forgotten.
  bool note_ready(TimePoint now);
  void note_not_ready() { ready_since_.reset(); }

  int count() const { return count_; }
  bool due(TimePoint now) const { return now >= due_; }
  Duration pause() const { return count_ > 0 ? pause_after(count_) : Duration{0}; }

 private:
  int count_ = 0;
  TimePoint due_ = TimePoint::min();
  std::optional<TimePoint> ready_since_;
};

}  // namespace slipway::processes
