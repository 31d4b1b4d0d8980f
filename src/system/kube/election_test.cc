#include "system/kube/election.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

namespace slipway::kube {
namespace {

using namespace std::chrono_literals;
using Next = ElectionDecision::Next;

const TimePoint kZero{};
const ElectionOptions kOptions;

Standing candidate(std::optional<LeaseSeen> seen, std::optional<TimePoint> failed = {}) {
  return {.identity = "a", .seen = std::move(seen), .failed = failed};
}
LeaseSeen held_by(const std::string& holder, TimePoint since, Duration duration = 15s) {
  return {.exists = true, .holder = holder, .duration = duration, .changed = since};
}
Standing holder(TimePoint renewed, std::optional<TimePoint> failed = {}) {
  return {.identity = "a", .seen = held_by("a", renewed), .renewed = renewed, .failed = failed};
}
// "wait 5s", "acquire: nobody holds it", …
std::string shown(const Standing& standing, Duration now) {
  const auto decision = decide_election(kOptions, standing, kZero + now);
  const auto until = decision.until - kZero;
  switch (decision.next) {
    case Next::kAcquire:
      return "acquire: " + decision.why;
    case Next::kRenew:
      return "renew";
    case Next::kLost:
      return "lost: " + decision.why;
    case Next::kWait:
      break;
  }
  if (decision.until == TimePoint::max()) return "wait for news";
  return fmt::format("wait until {:g} s", std::chrono::duration<double>(until).count());
}

TEST(Election, WaitsUntilTheLeaseHasBeenSeen) {
  EXPECT_EQ(shown(candidate({}), 0s), "wait for news");
  EXPECT_EQ(shown(candidate({}), 24h), "wait for news");
}

TEST(Election, TakesWhatNobodyHoldsAtOnce) {
  EXPECT_EQ(shown(candidate(LeaseSeen{.exists = false, .changed = kZero}), 0s),
            "acquire: it does not exist yet");
  EXPECT_EQ(shown(candidate(held_by("", kZero, 1s)), 0s), "acquire: nobody holds it");
}

TEST(Election, TakesOverWhatItHasSeenUnchangedForAsLongAsItsHolderClaims) {
  EXPECT_EQ(shown(candidate(held_by("b", kZero)), 0s), "wait until 15 s");
  EXPECT_EQ(shown(candidate(held_by("b", kZero)), 14999ms), "wait until 15 s");
  EXPECT_EQ(shown(candidate(held_by("b", kZero)), 15s), "acquire: b has not renewed it for 15 s");
  EXPECT_EQ(shown(candidate(held_by("b", kZero + 5s)), 15s), "wait until 20 s");
  EXPECT_EQ(shown(candidate(held_by("b", kZero, 60s)), 59s), "wait until 60 s");
}

TEST(Election, DoesNotTakeWhatWasRemovedFromUnderItsHolder) {
  LeaseSeen gone = held_by("b", kZero);
  gone.exists = false;
  EXPECT_EQ(shown(candidate(gone), 10s), "wait until 15 s");
  EXPECT_EQ(shown(candidate(gone), 15s), "acquire: b has not renewed it for 15 s");
}

TEST(Election, TakesWhatIsItsOwnWithoutItsKnowing) {
  EXPECT_EQ(shown(candidate(held_by("a", kZero)), 1s), "acquire: it was ours already");
}

TEST(Election, TriesAgainAfterAWhileThatJitterStretches) {
  Standing standing = candidate(held_by("b", kZero), kZero + 15s);
  EXPECT_EQ(shown(standing, 15s), "wait until 17 s");
  EXPECT_EQ(shown(standing, 17s), "acquire: b has not renewed it for 15 s");
  standing.jitter = 0.5;
  EXPECT_EQ(shown(standing, 17s), "wait until 17.2 s");
}

TEST(Election, RenewsEveryFewSecondsAndSoonerAfterAFailure) {
  EXPECT_EQ(shown(holder(kZero), 0s), "wait until 5 s");
  EXPECT_EQ(shown(holder(kZero), 5s), "renew");
  EXPECT_EQ(shown(holder(kZero, kZero + 5s), 6s), "wait until 7 s");
  EXPECT_EQ(shown(holder(kZero, kZero + 5s), 7s), "renew");
}

TEST(Election, IsLostAtTheDeadlineWhateverWasPlanned) {
  EXPECT_EQ(shown(holder(kZero, kZero + 9s), 9s), "wait until 10 s");
  EXPECT_EQ(shown(holder(kZero, kZero + 9s), 10s), "lost: it was not renewed within 10 s");
  // Stopped, or asleep, for half a minute.
  EXPECT_EQ(shown(holder(kZero), 30s), "lost: it was not renewed within 10 s");
}

TEST(Election, IsLostWhenTheLeaseSaysSo) {
  Standing standing = holder(kZero);
  standing.seen = held_by("b", kZero);
  EXPECT_EQ(shown(standing, 1s), "lost: b holds it now");
  standing.seen = held_by("", kZero);
  EXPECT_EQ(shown(standing, 1s), "lost: somebody released it");
  standing.seen->exists = false;
  EXPECT_EQ(shown(standing, 1s), "lost: somebody removed it");
}

// A server with one lease, and candidates that hear of it after some time, ask it after some time, and stop
// as the story wants; from time zero, in steps of a tenth of a second.
class Story : public ::testing::Test {
 protected:
  static constexpr Duration kTick = 100ms;
  struct Process {
    Standing standing;
    int version_seen = 0;    // of the lease, which a write is based on
    Duration hears_after{};  // until a change of the lease is seen
    bool stopped = false;    // SIGSTOP, or asleep
    bool cut_off = false;    // its writes fail, and it hears nothing
    bool lost = false;
  };
  struct Change {
    TimePoint at;
    std::string holder;
    int version = 0;
  };

  void start(const std::string& name, Duration hears_after = 0s) {
    processes_[name] = {.standing = {.identity = name}, .hears_after = hears_after};
  }
  bool leads(const Process& process) const {
    return process.standing.renewed && !process.lost &&
           now_ < renew_deadline(kOptions, *process.standing.renewed);
  }
  // Who leads now, and what happens until then is told.
  std::string run_until(Duration time) {
    for (; now_ < kZero + time; now_ += kTick) {
      for (auto& [name, process] : processes_)
        if (!process.stopped && !process.lost) step(name, process);
      std::string leaders;
      for (auto& [name, process] : processes_)
        if (leads(process)) leaders += name;
      EXPECT_LE(leaders.size(), 1u) << "both lead at " << seconds() << " s";
      if (leaders != leader_) told_.push_back(fmt::format("{:g}: {}", seconds(), leaders));
      leader_ = leaders;
    }
    return leader_;
  }
  double seconds() const { return std::chrono::duration<double>(now_ - kZero).count(); }
  // The moments at which another led: "5.1: b", "17: " for nobody.
  std::vector<std::string> told_;
  std::map<std::string, Process> processes_;

 private:
  void step(const std::string& name, Process& process) {
    hear(process);
    const auto decision = decide_election(kOptions, process.standing, now_);
    if (decision.next == Next::kLost) process.lost = true;
    if (decision.next != Next::kAcquire && decision.next != Next::kRenew) return;
    if (process.cut_off || process.version_seen != lease_.version) {
      process.standing.failed = now_;
      return;
    }
    lease_ = {now_, name, lease_.version + 1};
    process.version_seen = lease_.version;
    process.standing.seen = held_by(name, now_);
    process.standing.renewed = now_;
    process.standing.failed.reset();
  }
  void hear(Process& process) {
    if (process.cut_off || leads(process) || now_ < lease_.at + process.hears_after) return;
    if (process.standing.seen && process.version_seen == lease_.version) return;
    process.version_seen = lease_.version;
    process.standing.seen = {lease_.version > 0, lease_.holder, 15s, now_};
    process.standing.failed.reset();
  }

  TimePoint now_ = kZero;
  Change lease_;
  std::string leader_;
};

TEST_F(Story, OneOfTwoThatStartAtOnceLeadsAndGoesOnLeading) {
  start("a");
  start("b");
  EXPECT_EQ(run_until(10min), "a");
  EXPECT_EQ(told_, std::vector<std::string>{"0: a"});
}

TEST_F(Story, ADeadLeaderIsFollowedWithinSeventeenSeconds) {
  start("a");
  start("b", 200ms);
  run_until(60s);
  processes_["a"].stopped = true;  // for good
  run_until(90s);
  ASSERT_EQ(told_.size(), 3u);
  EXPECT_EQ(told_[1], "65: ");  // had it been cut off, and not dead, it would have ended then
  EXPECT_EQ(told_[2], "70.2: b");
}

TEST_F(Story, APausedLeaderThatComesBackLeadsNoLonger) {
  start("a");
  start("b");
  run_until(12s);
  processes_["a"].stopped = true;
  run_until(40s);
  processes_["a"].stopped = false;
  EXPECT_EQ(run_until(41s), "b");
  EXPECT_TRUE(processes_["a"].lost);
}

TEST_F(Story, ALeaderThatIsCutOffEndsBeforeAnotherLeads) {
  start("a");
  start("b", 3s);
  run_until(12s);
  processes_["a"].cut_off = true;
  EXPECT_EQ(run_until(60s), "b");
  EXPECT_EQ(told_, (std::vector<std::string>{"0: a", "20: ", "28: b"}));
}

TEST_F(Story, AShortOutageOfTheServerChangesNothing) {
  start("a");
  start("b");
  run_until(14s);
  for (auto& [name, process] : processes_) process.cut_off = true;
  run_until(19s);
  for (auto& [name, process] : processes_) process.cut_off = false;
  EXPECT_EQ(run_until(60s), "a");
  EXPECT_EQ(told_, std::vector<std::string>{"0: a"});
}

TEST_F(Story, ALongOutageOfTheServerEndsInOneLeader) {
  start("a");
  start("b");
  start("c", 700ms);
  run_until(14s);
  for (auto& [name, process] : processes_) process.cut_off = true;
  EXPECT_EQ(run_until(10min), "");
  for (auto& [name, process] : processes_) process.cut_off = false;
  EXPECT_EQ(run_until(11min), "b");
  EXPECT_EQ(told_.size(), 3u);
}

}  // namespace
}  // namespace slipway::kube
