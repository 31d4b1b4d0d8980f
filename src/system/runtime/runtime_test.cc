#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <latch>

#include "system/runtime/event_loop.h"
#include "system/runtime/executor.h"
#include "system/runtime/log.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::runtime {
namespace {

using namespace std::chrono_literals;

TEST(EventLoop, CallsATimerWhenItsTimeHasCome) {
  testing::ManualClock clock;
  EventLoop loop(clock);
  int calls = 0;
  EventLoop::Timer timer(loop, [&] { ++calls; });
  timer.arm(clock.now() + 5s);
  loop.step(0s);
  EXPECT_EQ(calls, 0);
  clock.advance(5s);
  loop.step(0s);
  EXPECT_EQ(calls, 1);
  loop.step(0s);
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, ArmingAgainReplacesTheDeadline) {
  testing::ManualClock clock;
  EventLoop loop(clock);
  int calls = 0;
  EventLoop::Timer timer(loop, [&] { ++calls; });
  timer.arm(clock.now() + 1s);
  timer.arm(clock.now() + 10s);
  clock.advance(5s);
  loop.step(0s);
  EXPECT_EQ(calls, 0);
  timer.disarm();
  clock.advance(10s);
  loop.step(0s);
  EXPECT_EQ(calls, 0);
}

TEST(EventLoop, RunsTasksFromOtherThreadsInOrder) {
  RealClock clock;
  EventLoop loop(clock);
  std::string order;
  std::thread other([&] {
    loop.post([&] { order += 'a'; });
    loop.post([&] { order += 'b'; });
    loop.stop();
  });
  loop.run();
  other.join();
  loop.step(0s);
  EXPECT_EQ(order, "ab");
}

struct Reader : EventLoop::Handler {
  explicit Reader(std::function<void()> to_call) : call(std::move(to_call)) {}
  void on_ready(uint32_t) override { call(); }
  std::function<void()> call;
};

TEST(EventLoop, AHandlerRemovedInItsRoundIsNotCalled) {
  testing::ManualClock clock;
  EventLoop loop(clock);
  int a[2], b[2], calls = 0;
  ASSERT_EQ(::pipe(a) | ::pipe(b), 0);
  std::unique_ptr<Reader> first, second;
  const auto remove_the_other = [&](std::unique_ptr<Reader>& other, int fd) {
    ++calls;
    if (other) loop.remove(fd, *other);
    other.reset();
  };
  first = std::make_unique<Reader>([&] { remove_the_other(second, b[0]); });
  second = std::make_unique<Reader>([&] { remove_the_other(first, a[0]); });
  ASSERT_TRUE(loop.add(a[0], EPOLLIN, *first) && loop.add(b[0], EPOLLIN, *second));
  ASSERT_EQ(::write(a[1], "x", 1) + ::write(b[1], "x", 1), 2);
  loop.step(0s);
  EXPECT_EQ(calls, 1);
  for (int fd : {a[0], a[1], b[0], b[1]}) ::close(fd);
}

TEST(Executor, RefusesWhenItsQueueIsFullAndRunsTheRestBeforeItStops) {
  std::latch started(1), go(1);
  std::atomic<int> done{0};
  {
    Executor executor({.threads = 1, .queue = 1});
    EXPECT_TRUE(executor.submit([&] { started.count_down(), go.wait(), ++done; }));
    started.wait();
    EXPECT_TRUE(executor.submit([&] { ++done; }));
    EXPECT_EQ(executor.waiting(), 1u);
    EXPECT_FALSE(executor.submit([&] { ++done; }));
    go.count_down();
  }
  EXPECT_EQ(done, 2);
}

TEST(Log, IsJsonForMachinesAndALineForPeople) {
  const std::string time = "2026-01-31T23:59:59.123Z";
  EXPECT_EQ(
      log::format(log::Form::kJson,
                  {log::Level::kWarn, time, "server", "slow", {{"model", "a\"b"}, {"ms", 3}}}),
      R"({"time":"2026-01-31T23:59:59.123Z","level":"warn","room":"server","message":"slow","model":"a\"b","ms":3})");
  EXPECT_EQ(log::format(log::Form::kReadable, {log::Level::kInfo, time, "server", "ready", {{"models", 2}}}),
            "23:59:59.123 info  server   ready  models=2");
}

}  // namespace
}  // namespace slipway::runtime
