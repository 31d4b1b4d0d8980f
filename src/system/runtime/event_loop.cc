#include "system/runtime/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "values/base/bug.h"

namespace slipway::runtime {

using namespace std::chrono_literals;

constexpr Duration kHeartbeat = 2s;  // an idle loop's last_round() is never older

void EventLoop::Timer::arm(TimePoint deadline) {
  disarm();
  deadline_ = deadline;
  armed_ = true;
  loop_.timers_.emplace(deadline, this);
}

void EventLoop::Timer::disarm() {
  if (!armed_) return;
  armed_ = false;
  loop_.timers_.erase({deadline_, this});
}

EventLoop::EventLoop(const Clock& clock) : clock_(clock) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_ < 0 || wake_ < 0) BUG("no descriptors left for an event loop");
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  take_time();
  last_round_.store(now_.time_since_epoch().count(), std::memory_order_relaxed);
}

EventLoop::~EventLoop() {
  ::close(wake_);
  ::close(epoll_);
}

void EventLoop::take_time() {
  now_ = clock_.now();
  wall_ = clock_.wall();
}

Status EventLoop::add(int fd, uint32_t events, Handler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
    return fail(Code::kExhausted, "epoll: {}", std::strerror(errno));
  return ok();
}

void EventLoop::change(int fd, uint32_t events, Handler& handler) {
  epoll_event event{.events = events, .data = {.ptr = &handler}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0) BUG("epoll change: {}", std::strerror(errno));
}

void EventLoop::remove(int fd, Handler& handler) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  gone_.push_back(&handler);
}

int EventLoop::wait_ms(Duration timeout) {
  if (!timers_.empty()) timeout = std::min(timeout, std::max<Duration>(timers_.begin()->first - now_, 0ns));
  return static_cast<int>(
      std::chrono::ceil<std::chrono::milliseconds>(std::min<Duration>(timeout, 1h)).count());
}

void EventLoop::step(Duration timeout) {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  std::array<epoll_event, 128> events;
  const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms(timeout));
  take_time();
  gone_.clear();
  bool woken = false;
  for (int i = 0; i < ready; ++i) {
    auto* handler = static_cast<Handler*>(events[static_cast<size_t>(i)].data.ptr);
    if (handler == nullptr)
      woken = true;
    else if (gone_.empty() || std::find(gone_.begin(), gone_.end(), handler) == gone_.end())
      handler->on_ready(events[static_cast<size_t>(i)].events);
  }
  if (woken) run_tasks();
  run_timers();
  last_round_.store(now_.time_since_epoch().count(), std::memory_order_relaxed);
}

void EventLoop::run_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    Timer* timer = timers_.begin()->second;
    timer->disarm();
    timer->on_time_();
  }
}

void EventLoop::run_tasks() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_, &count, sizeof count);
  std::vector<std::function<void()>> tasks;
  {
    MutexLock lock(mutex_);
    tasks.swap(tasks_);
    woken_ = false;
  }
  for (auto& task : tasks) task();
}

void EventLoop::post(std::function<void()> task) {
  bool wake = false;
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    wake = !woken_;
    woken_ = true;
  }
  const uint64_t one = 1;
  if (wake) [[maybe_unused]]
    const ssize_t put = ::write(wake_, &one, sizeof one);
}

void EventLoop::run() {
  while (!stopping_.load()) step(kHeartbeat);
}

void EventLoop::stop() {
  stopping_.store(true);
  post([] {});
}

}  // namespace slipway::runtime
