// Simulated time: a clock, and what is to happen at its points. Nothing else moves the world.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "system/runtime/clock.h"

namespace slipway::sim {

// The same numbers on every machine, from one seed. Source: Vigna, "SplitMix64".
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  int below(int n) { return static_cast<int>(next() % static_cast<uint64_t>(n)); }
  int between(int low, int high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  Duration between(Duration low, Duration high) {
    return low + Duration{static_cast<int64_t>(next() % static_cast<uint64_t>((high - low).count() + 1))};
  }

 private:
  uint64_t state_;
};

class Timeline final : public runtime::Clock {
 public:
  TimePoint now() const override { return now_; }
  WallTime wall() const override { return WallTime{now_.time_since_epoch() + wall_ahead_}; }
  void jump_wall(Duration by) { wall_ahead_ += by; }
  Duration since_start() const { return now_ - kStart; }

  void at(TimePoint when, std::function<void()> call) {
    queue_.push_back({std::max(when, now_), ++count_, std::move(call)});
    std::push_heap(queue_.begin(), queue_.end(), later);
  }
  void after(Duration wait, std::function<void()> call) { at(now_ + wait, std::move(call)); }

  // Everything that is due up to then, in order; what comes together goes as it was asked for.
  void run_until(TimePoint end) {
    while (!queue_.empty() && queue_.front().when <= end) {
      std::pop_heap(queue_.begin(), queue_.end(), later);
      Due due = std::move(queue_.back());
      queue_.pop_back();
      now_ = due.when;
      due.call();
    }
    now_ = std::max(now_, end);
  }
  void run_for(Duration time) { run_until(now_ + time); }

 private:
  struct Due {
    TimePoint when;
    uint64_t number;
    std::function<void()> call;
  };
  static bool later(const Due& a, const Due& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }
  static constexpr TimePoint kStart{std::chrono::hours(1)};

  TimePoint now_ = kStart;
  Duration wall_ahead_ = std::chrono::hours(24 * 365 * 56);  // in the year 2025
  uint64_t count_ = 0;
  std::vector<Due> queue_;
};

}  // namespace slipway::sim
