#include "adapters/processes/internal/failures.h"

#include <algorithm>

namespace slipway::processes {

Duration pause_after(int failures) {
  constexpr int kDoublings = 6;  // 64 s are beyond the longest
  return std::min<Duration>(kFirstPause * (1 << std::clamp(failures - 1, 0, kDoublings)), kLongestPause);
}

void Failures::note_end(TimePoint now) {
  // It may have been ready for a while without a look in between.
  if (ready_since_ && now - *ready_since_ >= kReadyForAWhile) count_ = 0;
  ready_since_.reset();
  due_ = now + pause_after(++count_);
}

bool Failures::note_ready(TimePoint now) {
  if (!ready_since_) ready_since_ = now;
  if (count_ == 0 || now - *ready_since_ < kReadyForAWhile) return false;
  count_ = 0;
  return true;
}

}  // namespace slipway::processes
