// A pool of workers for tasks that are too dear for an event loop. The queue is bounded: a full one refuses,
// so that waiting time is bounded too. Workers run at nice +5: the loops that read and answer come first.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "system/runtime/mutex.h"

namespace slipway::runtime {

class Executor {  // thread-safe
 public:
  struct Options {
    std::string name = "worker";  // of the threads
    int threads = 1;
    size_t queue = 256;  // tasks that wait
  };

  explicit Executor(const Options& options);
  ~Executor() { stop(); }  // runs what is queued, then joins
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False: the queue is full, or the pool is stopping.
  bool submit(std::function<void()> task);
  size_t waiting() const;
  void stop();

 private:
  void work();

  const size_t queue_limit_;
  std::vector<std::thread> threads_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> queue_ SLIPWAY_GUARDED_BY(mutex_);
  bool stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
};

}  // namespace slipway::runtime
