#include "ports/environment/testing/environment_contract.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "values/base/digest.h"

namespace slipway::environment {

using domain::ActionKind;
using domain::ReplicaObserved;
using domain::ReplicaState;
using domain::RevisionSpec;
using domain::RevisionTold;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// The tests may be linked without a world.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EnvironmentContract);

RevisionSpec revision(const std::string& deployment, int64_t version) {
  RevisionSpec out{.name = {},
                   .deployment = deployment,
                   .model = "score",
                   .version = version,
                   .digest = base::sha256(fmt::format("{} {}", deployment, version)).str(),
                   .artifact = {},
                   .settings = {}};
  out.artifact = "score@" + out.digest;
  out.name = domain::revision_name(out);
  return out;
}

const ReplicaObserved* find(const Observation& observation, const std::string& replica) {
  for (const ReplicaObserved& each : observation.replicas)
    if (each.name == replica) return &each;
  return nullptr;
}

std::vector<std::string> replicas_in(const Observation& observation, ReplicaState state) {
  std::vector<std::string> out;
  for (const ReplicaObserved& each : observation.replicas)
    if (each.state == state) out.push_back(each.name);
  std::sort(out.begin(), out.end());
  return out;
}

const RevisionTold* told(const Observation& observation, const std::string& revision) {
  for (const RevisionTold& each : observation.revisions)
    if (each.revision.name == revision) return &each;
  return nullptr;
}

void EnvironmentContract::ensure(const RevisionSpec& revision, int replicas) {
  const Applied done =
      environment_->apply({.kind = ActionKind::kEnsure, .revision = revision, .replicas = replicas});
  ASSERT_TRUE(done) << done.error().message;
}

void EnvironmentContract::remove(const RevisionSpec& revision) {
  // Its name is enough.
  RevisionSpec named;
  named.name = revision.name;
  const Applied done = environment_->apply({.kind = ActionKind::kRemove, .revision = named});
  ASSERT_TRUE(done) << done.error().message;
}

Observation EnvironmentContract::observe() {
  return until("an observation", [](const Observation&) { return true; });
}

Observation EnvironmentContract::until(const std::string& what,
                                       const std::function<bool(const Observation&)>& so) {
  constexpr int kMoments = 10'000;
  Observation last;
  std::string error;
  for (int i = 0; i < kMoments; ++i) {
    auto seen = environment_->observe();
    if (seen && so(*seen)) return *std::move(seen);
    if (seen) last = *std::move(seen);
    error = seen ? "" : seen.error().message;
    world_->moment();
  }
  std::string states;
  for (const ReplicaObserved& each : last.replicas)
    states += fmt::format("\n  {}: {}{}", each.name, name(each.state),
                          each.fault ? ", " + each.fault->message : "");
  ADD_FAILURE() << "never seen: " << what << states << error;
  return last;
}

Observation EnvironmentContract::until_ready(const RevisionSpec& revision, int replicas) {
  return until(fmt::format("{} ready replicas of {}", replicas, revision.name), [&](const Observation& seen) {
    int ready = 0, all = 0;
    for (const ReplicaObserved& each : seen.replicas) {
      ready += each.revision == revision.name && each.state == ReplicaState::kReady;
      all += each.revision == revision.name;
    }
    return ready == replicas && all == replicas;
  });
}

namespace {

std::string nth(const RevisionSpec& revision, int ordinal) {
  return fmt::format("{}-{}", revision.name, ordinal);
}

TEST_P(EnvironmentContract, AnEmptyPlaceHasNothing) {
  const Observation seen = observe();
  EXPECT_THAT(seen.revisions, IsEmpty());
  EXPECT_THAT(seen.replicas, IsEmpty());
  EXPECT_NE(environment_->limits_text(), "");
}

TEST_P(EnvironmentContract, AsManyReplicasAsAreWantedGetReady) {
  const RevisionSpec credit = revision("credit");
  ensure(credit, 2);
  const Observation seen = until_ready(credit, 2);
  EXPECT_THAT(replicas_in(seen, ReplicaState::kReady), ElementsAre(nth(credit, 0), nth(credit, 1)));
  ASSERT_NE(told(seen, credit.name), nullptr);
  EXPECT_EQ(*told(seen, credit.name), (RevisionTold{.revision = credit, .replicas = 2, .fault = {}}));
  const ReplicaObserved& one = *find(seen, nth(credit, 0));
  EXPECT_EQ(one.deployment, "credit");
  EXPECT_EQ(one.failures, 0);
  EXPECT_NE(one.address, "");
  EXPECT_NE(one.address, find(seen, nth(credit, 1))->address);
  ASSERT_EQ(one.load.revisions.size(), 1u);
  EXPECT_EQ(one.load.revisions[0].revision, credit.name);
  EXPECT_EQ(one.load.revisions[0].digest, credit.digest);
}

TEST_P(EnvironmentContract, SayingItAgainChangesNothing) {
  const RevisionSpec credit = revision("credit");
  ensure(credit, 2);
  ensure(credit, 2);
  until_ready(credit, 2);
  ensure(credit, 2);
  world_->moment();
  EXPECT_EQ(replicas_in(observe(), ReplicaState::kReady).size(), 2u);
  EXPECT_EQ(world_->starts(nth(credit, 0)), 1);
  EXPECT_EQ(world_->starts(nth(credit, 1)), 1);
}

TEST_P(EnvironmentContract, TheHighestOrdinalsStopFirstAndOnlyAfterTheyHaveDrained) {
  const RevisionSpec credit = revision("credit");
  ensure(credit, 3);
  until_ready(credit, 3);
  ensure(credit, 1);
  const Observation draining = until("both draining", [&](const Observation& seen) {
    return replicas_in(seen, ReplicaState::kDraining).size() == 2;
  });
  EXPECT_THAT(replicas_in(draining, ReplicaState::kDraining), ElementsAre(nth(credit, 1), nth(credit, 2)));
  EXPECT_THAT(replicas_in(draining, ReplicaState::kReady), ElementsAre(nth(credit, 0)));
  const Observation after = until_ready(credit, 1);
  EXPECT_EQ(find(after, nth(credit, 0))->failures, 0);
  EXPECT_EQ(world_->starts(nth(credit, 0)), 1);
  ensure(credit, 2);
  until_ready(credit, 2);
}

TEST_P(EnvironmentContract, NoReplicasIsAWishLikeAnyOther) {
  const RevisionSpec credit = revision("credit");
  ensure(credit, 1);
  until_ready(credit, 1);
  ensure(credit, 0);
  const Observation seen = until("none", [](const Observation& now) { return now.replicas.empty(); });
  ASSERT_NE(told(seen, credit.name), nullptr);
  EXPECT_EQ(told(seen, credit.name)->revision, credit);
  ensure(credit, 1);
  until_ready(credit, 1);
}

TEST_P(EnvironmentContract, WhatIsRemovedGoesAndLeavesTheOthersAlone) {
  const RevisionSpec old = revision("credit", 1), next = revision("credit", 2);
  ensure(old, 2);
  ensure(next, 1);
  until_ready(old, 2);
  until_ready(next, 1);
  remove(old);
  remove(old);
  const Observation going = observe();
  if (const RevisionTold* still = told(going, old.name)) {
    EXPECT_EQ(still->replicas, 0);
  }
  const Observation seen =
      until("the old gone", [&](const Observation& now) { return told(now, old.name) == nullptr; });
  EXPECT_THAT(replicas_in(seen, ReplicaState::kReady), ElementsAre(nth(next, 0)));
  EXPECT_EQ(seen.replicas.size(), 1u);
  EXPECT_EQ(world_->starts(nth(next, 0)), 1);
  remove(old);  // no longer there
}

TEST_P(EnvironmentContract, AnotherInstanceFindsWhatWasToldAndAllThatRuns) {
  const RevisionSpec credit = revision("credit"), fraud = revision("fraud");
  ensure(credit, 2);
  ensure(fraud, 1);
  until_ready(credit, 2);
  const Observation before = until_ready(fraud, 1);
  reopen();
  // From its very first word on.
  const Observation after = observe();
  EXPECT_THAT(replicas_in(after, ReplicaState::kReady),
              ElementsAre(nth(credit, 0), nth(credit, 1), nth(fraud, 0)));
  EXPECT_EQ(after.revisions, before.revisions);
  for (const std::string& replica : {nth(credit, 0), nth(credit, 1), nth(fraud, 0)})
    EXPECT_EQ(world_->starts(replica), 1) << replica;
}

TEST_P(EnvironmentContract, AnotherInstanceGoesOnWhereTheFirstOneStopped) {
  const RevisionSpec credit = revision("credit"), fraud = revision("fraud");
  ensure(credit, 2);
  reopen();  // while they start
  until_ready(credit, 2);
  ensure(fraud, 1);
  until_ready(fraud, 1);
  remove(credit);
  reopen();  // while they drain
  const Observation seen =
      until("the removed gone", [&](const Observation& now) { return told(now, credit.name) == nullptr; });
  EXPECT_THAT(replicas_in(seen, ReplicaState::kReady), ElementsAre(nth(fraud, 0)));
  EXPECT_EQ(world_->starts(nth(fraud, 0)), 1);
}

TEST_P(EnvironmentContract, WhatEndsIsStartedAgainLaterEachTime) {
  const RevisionSpec credit = revision("credit");
  ensure(credit, 1);
  until_ready(credit, 1);
  const std::string replica = nth(credit, 0);
  for (const auto& [failures, pause] : std::vector<std::pair<int, Duration>>{{1, 1s}, {2, 2s}, {3, 4s}}) {
    world_->kill(replica);
    const Observation ended = until("an end", [&](const Observation& seen) {
      const ReplicaObserved* one = find(seen, replica);
      return one != nullptr && one->state == ReplicaState::kBackingOff;
    });
    const ReplicaObserved& one = *find(ended, replica);
    EXPECT_EQ(one.failures, failures);
    ASSERT_TRUE(one.fault);
    EXPECT_EQ(one.fault->reason, domain::Reason::kKilled);
    world_->pass(pause - 500ms);
    EXPECT_EQ(find(observe(), replica)->state, ReplicaState::kBackingOff);
    world_->pass(500ms);
    until_ready(credit, 1);
    EXPECT_EQ(world_->starts(replica), failures + 1);
  }
  // Ready for a while: all is forgotten.
  observe();
  for (int i = 0; i < 70; ++i) world_->pass(1s), observe();
  EXPECT_EQ(find(observe(), replica)->failures, 0);
}

TEST_P(EnvironmentContract, OneThatEndsLeavesTheOthersAlone) {
  const RevisionSpec credit = revision("credit");
  ensure(credit, 3);
  until_ready(credit, 3);
  world_->kill(nth(credit, 0));
  const Observation seen = until("an end", [&](const Observation& now) {
    return find(now, nth(credit, 0))->state == ReplicaState::kBackingOff;
  });
  EXPECT_THAT(replicas_in(seen, ReplicaState::kReady), ElementsAre(nth(credit, 1), nth(credit, 2)));
  world_->pass(1s);
  until_ready(credit, 3);
  EXPECT_EQ(world_->starts(nth(credit, 1)), 1);
}

TEST_P(EnvironmentContract, AModelThatCannotBeServedSaysSoAndNothingElseSuffers) {
  const RevisionSpec good = revision("credit", 1), bad = revision("credit", 2);
  ensure(good, 1);
  until_ready(good, 1);
  world_->behave(bad.name, Behaviour::kUnservable);
  ensure(bad, 1);
  const auto failed = [&](int times) {
    return [&, times](const Observation& seen) {
      const ReplicaObserved* one = find(seen, nth(bad, 0));
      return one != nullptr && one->failures >= times;
    };
  };
  until("a failure", failed(1));
  world_->pass(1s);
  const Observation seen = until("two failures", failed(2));
  const ReplicaObserved& one = *find(seen, nth(bad, 0));
  ASSERT_TRUE(one.fault);
  EXPECT_EQ(one.fault->reason, domain::Reason::kLoadFailed);
  EXPECT_NE(one.fault->message, "");
  EXPECT_THAT(replicas_in(seen, ReplicaState::kReady), ElementsAre(nth(good, 0)));
  remove(bad);
  until("it gone", [&](const Observation& now) { return told(now, bad.name) == nullptr; });
}

TEST_P(EnvironmentContract, OneThatNeverGetsReadyIsShownStartingAndCanBeRemoved) {
  const RevisionSpec credit = revision("credit");
  world_->behave(credit.name, Behaviour::kNeverReady);
  ensure(credit, 1);
  until("it runs", [&](const Observation& seen) {
    const ReplicaObserved* one = find(seen, nth(credit, 0));
    return one != nullptr && one->state == ReplicaState::kStarting && !one->load.revisions.empty();
  });
  for (int i = 0; i < 20; ++i) world_->pass(500ms), observe();
  EXPECT_EQ(find(observe(), nth(credit, 0))->state, ReplicaState::kStarting);
  remove(credit);
  until("it gone", [](const Observation& seen) { return seen.revisions.empty() && seen.replicas.empty(); });
}

TEST_P(EnvironmentContract, FilesThatCannotBeBroughtAreToldAndTriedAgain) {
  const RevisionSpec credit = revision("credit");
  world_->behave(credit.name, Behaviour::kNoFiles);
  ensure(credit, 1);
  const Observation seen = until("a fault", [&](const Observation& now) {
    const ReplicaObserved* one = find(now, nth(credit, 0));
    return one != nullptr && one->fault.has_value();
  });
  EXPECT_EQ(find(seen, nth(credit, 0))->fault->reason, domain::Reason::kFetchFailed);
  ASSERT_TRUE(told(seen, credit.name)->fault);
  EXPECT_EQ(told(seen, credit.name)->fault->reason, domain::Reason::kFetchFailed);
  EXPECT_EQ(world_->starts(nth(credit, 0)), 0);
  world_->behave(credit.name, Behaviour::kServes);
  world_->pass(60s);
  until_ready(credit, 1);
}

TEST_P(EnvironmentContract, MoreThanThereIsRoomForIsRefusedAndNothingBegun) {
  RevisionSpec credit = revision("credit");
  credit.settings.memory_bytes = int64_t{1} << 50;
  const Applied refused =
      environment_->apply({.kind = ActionKind::kEnsure, .revision = credit, .replicas = 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, domain::Reason::kInsufficientMemory);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(credit.name));
  EXPECT_THAT(observe().revisions, IsEmpty());
}

}  // namespace
}  // namespace slipway::environment
