// Weights change while requests come on several loops: each answer is from a revision that was allowed when
// it was asked for.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "services/gateway/testing/world.h"

namespace slipway::gateway {
namespace {

using testing::deployment;
using testing::GatewayTest;
using testing::slice;
using testing::stored;

constexpr int kCallers = 4, kChanges = 150;

class Change : public GatewayTest {
 protected:
  void put(int first) { store_.put(stored(deployment("credit", {{"a", 1, first}, {"b", 2, 100 - first}}))); }
  // Odd while a change is taken in, and then either may answer; 0, 4, 8, …: a alone; 2, 6, 10, …: b.
  void change_to(int phase) {
    phase_ = phase - 1;
    put(phase % 4 == 0 ? 100 : 0);
    gateway_->step(now_ += std::chrono::milliseconds(10));  // too soon to write the lists again
    phase_ = phase;
  }
  void ask_until_the_end() {
    const auto kept = client();
    while (phase_ >= 0) {
      const int before = phase_;
      const auto answer = kept->ask({.target = "/v2/models/credit"});
      const bool well = answer && answer->status == 200;
      failed_ += !well;
      if (!well || before % 2 != 0 || phase_ != before) continue;
      ++told_;
      wrong_ += answer->body.starts_with(before % 4 == 0 ? "b-" : "a-");
    }
  }

  std::atomic<int> phase_{0}, failed_{0}, wrong_{0}, told_{0};
};

TEST_F(Change, NoAnswerComesFromARevisionThatHadNoWeightWhenItWasAskedFor) {
  for (const char* name : {"a-0", "a-1", "b-0", "b-1"}) replica(name);
  put(100);
  store_.put(slice("a", 2));
  store_.put(slice("b", 2));
  start({.listen = {}, .loops = 3, .catch_up = {}});
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) callers.emplace_back([this] { ask_until_the_end(); });
  for (int change = 1; change <= kChanges; ++change) {
    const int told = told_;
    change_to(2 * change);
    while (told_ < told + kCallers && failed_ == 0) std::this_thread::yield();
  }
  phase_ = -1;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(failed_, 0);
  EXPECT_EQ(wrong_, 0);
  EXPECT_GE(told_, kChanges * kCallers);
}

}  // namespace
}  // namespace slipway::gateway
