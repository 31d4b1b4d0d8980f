// The loops of one machine's control on a thread of their own, and what others may know of them.
#pragma once

#include <functional>

#include "apps/slipway/stepper.h"
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
  void stop() { stepper_.stop(); }
  // The replicas that were seen last, from any thread.
  std::vector<domain::ReplicaObserved> replicas() const;
  TimePoint last_step() const { return stepper_.last_step(); }

 private:
  void remember();

  const Parts parts_;
  mutable runtime::Mutex mutex_;
  std::vector<domain::ReplicaObserved> replicas_ SLIPWAY_GUARDED_BY(mutex_);
  bool told_ = false;
  Stepper stepper_;
  control::Loops loops_;  // its watches wake the stepper: they go first
};

}  // namespace slipway::app
