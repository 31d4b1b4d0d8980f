// The only place that asks the machine for the time. Whoever decides gets `now` as an argument instead.
#pragma once

#include <ctime>

#include "values/base/time.h"

namespace slipway::runtime {

class Clock {  // thread-safe
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual WallTime wall() const = 0;
};

class RealClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

// Goes on while the machine sleeps, for promises made to others who do not sleep. Its points stand in no
// relation to RealClock's.
class BootClock final : public Clock {
 public:
  TimePoint now() const override {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return TimePoint{std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)};
  }
  WallTime wall() const override { return std::chrono::system_clock::now(); }
};

}  // namespace slipway::runtime
