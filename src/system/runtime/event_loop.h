// An epoll loop on one thread: descriptors, timers, and tasks from other threads.
//
// Threads: post() and stop() from any thread; everything else on the loop's own thread, or before it runs.
// Level-triggered: a handler that leaves bytes unread is called again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "system/runtime/clock.h"
#include "system/runtime/mutex.h"
#include "values/base/result.h"

namespace slipway::runtime {

class EventLoop {
 public:
  // Called with the epoll events that are ready. A handler may remove itself or others while being called.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_ready(uint32_t events) = 0;
  };

  // One pending call. Arming again replaces the deadline; destroying it disarms.
  class Timer {
   public:
    Timer(EventLoop& loop, std::function<void()> on_time) : loop_(loop), on_time_(std::move(on_time)) {}
    ~Timer() { disarm(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void arm(TimePoint deadline);
    void disarm();
    bool armed() const { return armed_; }

   private:
    friend class EventLoop;
    EventLoop& loop_;
    std::function<void()> on_time_;
    TimePoint deadline_;
    bool armed_ = false;
  };

  explicit EventLoop(const Clock& clock);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  Status add(int fd, uint32_t events, Handler& handler);
  void change(int fd, uint32_t events, Handler& handler);
  void remove(int fd, Handler& handler);

  void run();  // until stop()
  void stop();
  // One round: waits at most `timeout` for events, then calls what is due. For tests, and the body of run().
  void step(Duration timeout);

  void post(std::function<void()> task);
  bool on_loop_thread() const {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // The time at which this round's events were taken: one clock read a round.
  TimePoint now() const { return now_; }
  WallTime wall() const { return wall_; }
  // The last time that a round ended, from any thread: a loop that is stuck shows it.
  TimePoint last_round() const { return TimePoint{Duration{last_round_.load(std::memory_order_relaxed)}}; }

 private:
  void take_time();
  int wait_ms(Duration timeout);
  void run_timers();
  void run_tasks();

  const Clock& clock_;
  int epoll_ = -1;
  int wake_ = -1;
  TimePoint now_;
  WallTime wall_;
  std::set<std::pair<TimePoint, Timer*>> timers_;
  std::vector<Handler*> gone_;  // removed while this round's events are handed out

  std::atomic<std::thread::id> thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> last_round_{0};

  Mutex mutex_;
  std::vector<std::function<void()>> tasks_ SLIPWAY_GUARDED_BY(mutex_);
  bool woken_ SLIPWAY_GUARDED_BY(mutex_) = false;
};

}  // namespace slipway::runtime
