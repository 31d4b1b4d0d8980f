#include "apps/slipway/stepper.h"

namespace slipway::app {

void Stepper::start(std::function<TimePoint(TimePoint)> step) {
  last_step_ = clock_.now().time_since_epoch().count();
  thread_ = std::thread([this, step = std::move(step)] { run(step); });
}

void Stepper::stop() {
  {
    const runtime::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Stepper::wake() {
  {
    const runtime::MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void Stepper::run(const std::function<TimePoint(TimePoint)>& step) {
  while (true) {
    const TimePoint now = clock_.now();
    last_step_ = now.time_since_epoch().count();
    wait_until(step(now));
    const runtime::MutexLock lock(mutex_);
    if (stopping_) return;
  }
}

void Stepper::wait_until(TimePoint next) {
  const runtime::MutexLock lock(mutex_);
  while (!stopping_ && !woken_) {
    const Duration left = next - clock_.now();
    if (left <= Duration{0}) break;
    changed_.wait_for(mutex_, left);
  }
  woken_ = false;
}

}  // namespace slipway::app
