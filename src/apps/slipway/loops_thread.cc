#include "apps/slipway/loops_thread.h"

namespace slipway::app {

LoopsThread::LoopsThread(control::Options options, Parts parts)
    : parts_(std::move(parts)),
      loops_(std::move(options), parts_.store, parts_.environment, parts_.clock, parts_.metrics,
             [this] { wake(); }) {}

void LoopsThread::start() {
  thread_ = std::thread([this] { run(); });
}

void LoopsThread::stop() {
  {
    const runtime::MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LoopsThread::wake() {
  {
    const runtime::MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void LoopsThread::run() {
  bool told = false;
  while (true) {
    const TimePoint now = parts_.clock.now();
    last_step_ = now.time_since_epoch().count();
    const TimePoint next = loops_.step(now);
    remember();
    if (!told && loops_.observed()) {
      told = true;
      parts_.observed();
    }
    wait_until(next);
    const runtime::MutexLock lock(mutex_);
    if (stopping_) return;
  }
}

void LoopsThread::remember() {
  const runtime::MutexLock lock(mutex_);
  if (replicas_ != loops_.observation().replicas) replicas_ = loops_.observation().replicas;
}

std::vector<domain::ReplicaObserved> LoopsThread::replicas() const {
  const runtime::MutexLock lock(mutex_);
  return replicas_;
}

void LoopsThread::wait_until(TimePoint next) {
  const runtime::MutexLock lock(mutex_);
  while (!stopping_ && !woken_) {
    const Duration left = next - parts_.clock.now();
    if (left <= Duration{0}) break;
    changed_.wait_for(mutex_, left);
  }
  woken_ = false;
}

}  // namespace slipway::app
