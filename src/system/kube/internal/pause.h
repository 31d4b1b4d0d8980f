// Waiting that can be cut short. Threads: any.
#pragma once

#include <chrono>

#include "system/runtime/mutex.h"
#include "values/base/time.h"

namespace slipway::kube::internal {

class Pause {
 public:
  // Until the time is over or stop() was called.
  void wait(Duration time) SLIPWAY_EXCLUDES(mutex_) {
    const auto until = std::chrono::steady_clock::now() + time;
    const runtime::MutexLock lock(mutex_);
    for (auto now = until - time; !stopped_ && now < until; now = std::chrono::steady_clock::now())
      stop_asked_.wait_for(mutex_, until - now);
  }
  void stop() SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    stopped_ = true;
    stop_asked_.notify_all();
  }
  bool stopped() const SLIPWAY_EXCLUDES(mutex_) {
    const runtime::MutexLock lock(mutex_);
    return stopped_;
  }

 private:
  mutable runtime::Mutex mutex_;
  runtime::CondVar stop_asked_;
  bool stopped_ SLIPWAY_GUARDED_BY(mutex_) = false;
};

}  // namespace slipway::kube::internal
