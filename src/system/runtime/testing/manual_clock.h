// A clock that moves only when told. One thread moves it; any may read it.
#pragma once

#include <atomic>

#include "system/runtime/clock.h"

namespace slipway::runtime::testing {

class ManualClock final : public Clock {
 public:
  TimePoint now() const override { return TimePoint{Duration{since_zero_.load()}}; }
  WallTime wall() const override { return WallTime{Duration{since_zero_.load()}}; }
  void advance(Duration by) { since_zero_ += by.count(); }

 private:
  std::atomic<int64_t> since_zero_{0};
};

}  // namespace slipway::runtime::testing
