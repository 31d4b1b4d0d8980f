#include "system/runtime/executor.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace slipway::runtime {
namespace {

constexpr int kNice = 5;

}  // namespace

Executor::Executor(const Options& options) : queue_limit_(options.queue) {
  for (int i = 0; i < options.threads; ++i)
    threads_.emplace_back([this, name = options.name.substr(0, 15)] {
      ::pthread_setname_np(::pthread_self(), name.c_str());
      ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
      work();
    });
}

bool Executor::submit(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || queue_.size() >= queue_limit_) return false;
    queue_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

size_t Executor::waiting() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

void Executor::work() {
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) changed_.wait(mutex_);
      if (queue_.empty()) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

void Executor::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace slipway::runtime
