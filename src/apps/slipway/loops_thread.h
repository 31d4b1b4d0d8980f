// Control's loops on a thread of their own: stepped when something is due, or has changed.
#pragma once

#include <functional>
#include <thread>

#include "services/control/loops.h"
#include "system/runtime/mutex.h"

namespace slipway::app {

class LoopsThread {
 public:
  struct Parts {
    store::Store& store;
    environment::Environment& environment;
    const runtime::Clock& clock;
    telemetry::Registry& metrics;
    std::function<void()> observed;  // called once, when what runs has been seen and published
  };

  LoopsThread(control::Options options, Parts parts);
  ~LoopsThread() { stop(); }
  LoopsThread(const LoopsThread&) = delete;
  LoopsThread& operator=(const LoopsThread&) = delete;

  void start();
  void stop();  // after the step that runs
  void wake();  // a step is due now; from any thread
  // The replicas that were seen last, from any thread.
  std::vector<domain::ReplicaObserved> replicas() const;
  // The last time that a step began, from any thread: loops that are stuck show it.
  TimePoint last_step() const { return TimePoint{Duration{last_step_.load()}}; }

 private:
  void run();
  void remember();
  void wait_until(TimePoint next);

  const Parts parts_;
  mutable runtime::Mutex mutex_;
  runtime::CondVar changed_;
  bool woken_ SLIPWAY_GUARDED_BY(mutex_) = false;
  bool stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::vector<domain::ReplicaObserved> replicas_ SLIPWAY_GUARDED_BY(mutex_);
  std::atomic<int64_t> last_step_{0};
  control::Loops loops_;  // its watches call wake(): they go first
  std::thread thread_;
};

}  // namespace slipway::app
