#include "apps/slipway/loops_thread.h"

namespace slipway::app {

LoopsThread::LoopsThread(control::Options options, Parts parts)
    : parts_(std::move(parts)),
      stepper_(parts_.clock),
      loops_(std::move(options), parts_.store, parts_.environment, parts_.clock, parts_.metrics,
             [this] { stepper_.wake(); }) {}

void LoopsThread::start() {
  stepper_.start([this](TimePoint now) {
    const TimePoint next = loops_.step(now);
    remember();
    if (!told_ && loops_.observed()) {
      told_ = true;
      parts_.observed();
    }
    return next;
  });
}

void LoopsThread::remember() {
  const runtime::MutexLock lock(mutex_);
  if (replicas_ != loops_.observation().replicas) replicas_ = loops_.observation().replicas;
}

std::vector<domain::ReplicaObserved> LoopsThread::replicas() const {
  const runtime::MutexLock lock(mutex_);
  return replicas_;
}

}  // namespace slipway::app
