// A mutex whose rule stands in the type: members say SLIPWAY_GUARDED_BY(mutex_), and clang's -Wthread-safety
// holds them to it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define SLIPWAY_ANNOTATE(x) __attribute__((x))
#else
#define SLIPWAY_ANNOTATE(x)
#endif

#define SLIPWAY_GUARDED_BY(m) SLIPWAY_ANNOTATE(guarded_by(m))
#define SLIPWAY_REQUIRES(m) SLIPWAY_ANNOTATE(requires_capability(m))
#define SLIPWAY_EXCLUDES(m) SLIPWAY_ANNOTATE(locks_excluded(m))

namespace slipway::runtime {

class SLIPWAY_ANNOTATE(capability("mutex")) Mutex {
 public:
  void lock() SLIPWAY_ANNOTATE(acquire_capability()) { mutex_.lock(); }
  void unlock() SLIPWAY_ANNOTATE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class SLIPWAY_ANNOTATE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) SLIPWAY_ANNOTATE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() SLIPWAY_ANNOTATE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  void wait(Mutex& mutex) SLIPWAY_REQUIRES(mutex) { condition_.wait(mutex); }
  // Returns at a notice, after that time, or for no reason, as wait() may: the caller asks again what it
  // waits for.
  void wait_for(Mutex& mutex, std::chrono::nanoseconds time) SLIPWAY_REQUIRES(mutex) {
    condition_.wait_for(mutex, time);
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace slipway::runtime
