// Something that is stepped, on a thread of its own: when it is due, or when something woke it.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "system/runtime/clock.h"
#include "system/runtime/mutex.h"

namespace slipway::app {

class Stepper {
 public:
  explicit Stepper(const runtime::Clock& clock) : clock_(clock) {}
  ~Stepper() { stop(); }
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  // Steps from now on. `step` gives the time of the next.
  void start(std::function<TimePoint(TimePoint now)> step);
  void stop();  // after the step that runs
  void wake();  // a step is due now; from any thread
  // The last time that a step began, from any thread: what is stuck shows it.
  TimePoint last_step() const { return TimePoint{Duration{last_step_.load()}}; }

 private:
  void run(const std::function<TimePoint(TimePoint)>& step);
  void wait_until(TimePoint next);

  const runtime::Clock& clock_;
  runtime::Mutex mutex_;
  runtime::CondVar changed_;
  bool woken_ SLIPWAY_GUARDED_BY(mutex_) = false;
  bool stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::atomic<int64_t> last_step_{0};
  std::thread thread_;
};

}  // namespace slipway::app
