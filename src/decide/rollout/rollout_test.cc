// Stories from time zero: a deployment, what people want of it, what is seen, and what follows.
#include "decide/rollout/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/rollout/testing/story.h"

namespace slipway::rollout {
namespace {

using domain::ConditionStatus;
using domain::OnFailure;
using domain::Phase;
using domain::ReplicaState;
using domain::Strategy;
using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(Rollout, TheFirstRevisionServesAsSoonAsOneReplicaAnswers) {
  Story story({.version = 1, .replicas = 2});
  EXPECT_EQ(story.look(), "v1 Loading 0 %");
  EXPECT_EQ(story.condition("Serving"), "False NoReadyReplica");
  story.ready(1, 1);
  EXPECT_EQ(story.look(), "v1 Serving 100 %");
  EXPECT_EQ(story.condition("Serving"), "True Serving");
  EXPECT_EQ(story.condition("Ready"), "False Starting");
  story.ready(1, 2);
  story.look();
  EXPECT_EQ(story.condition("Ready"), "True Ready");
  EXPECT_FALSE(story.changing());
}

TEST(Rollout, AnImmediateChangeMovesAllTrafficWhenAllAreReadyAndRouted) {
  Story story = Story::serving({.version = 1, .replicas = 2});
  story.spec().version = 2;
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
  story.ready(2, 1);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
  story.ready(2, 2);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %") << "no gateway knows it yet";
  EXPECT_EQ(story.condition("Progressing"), "True WaitingForGateway");
  story.routed(2);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %");
  EXPECT_EQ(story.condition("Serving"), "True Serving");
  EXPECT_EQ(story.condition("Ready"), "True Ready");
}

TEST(Rollout, TheOldRevisionIsKeptThenDrainsAndGoesWhenItIsQuiet) {
  Story story = Story::changed({.version = 2, .replicas = 1});
  story.after(5min - 1s);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %");
  story.busy(1);
  story.after(1s);
  EXPECT_EQ(story.look(), "v1 Draining 0 %, v2 Serving 100 %");
  story.after(1h);
  EXPECT_EQ(story.look(), "v1 Draining 0 %, v2 Serving 100 %") << "a request is in flight";
  story.quiet(1);
  EXPECT_EQ(story.look(), "v2 Serving 100 %");
}

TEST(Rollout, ACanaryRisesByItsStepsAndHoldsEach) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.canary({{1, 2min}, {50, 5min}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.routed(2);
  EXPECT_EQ(story.look(), "v1 Serving 99 %, v2 Shifting 1 %");
  story.after(2min - 1s);
  EXPECT_EQ(story.look(), "v1 Serving 99 %, v2 Shifting 1 %");
  story.after(1s);
  EXPECT_EQ(story.look(), "v1 Serving 50 %, v2 Shifting 50 %");
  EXPECT_EQ(story.condition("Progressing"), "True Shifting");
  story.after(5min);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %");
}

TEST(Rollout, AStepWaitsForACandidateThatLostAReplica) {
  Story story = Story::serving({.version = 1, .replicas = 2});
  story.canary({{10, 1min}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 2);
  story.routed(2);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %");
  story.ready(2, 1);
  story.after(2min);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %");
  story.ready(2, 2);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %");
}

TEST(Rollout, GoingBackWhileTheOldIsWarmIsWeightsAlone) {
  Story story = Story::changed({.version = 2, .replicas = 1});
  story.spec().version = 1;
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Kept 0 %");
  EXPECT_EQ(story.condition("Ready"), "True Ready");
}

TEST(Rollout, GoingBackInTheMiddleEndsTheChangeAtOnce) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.canary({{50, 1h}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.routed(2);
  EXPECT_EQ(story.look(), "v1 Serving 50 %, v2 Shifting 50 %");
  story.spec().version = 1;
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Draining 0 %")
      << "the gateway showed no weight before it had heard of any";
  EXPECT_EQ(story.desired(2), 1);
  story.after(100ms);
  EXPECT_EQ(story.look(), "v1 Serving 100 %") << "v2 was quiet, and is seen so";
}

TEST(Rollout, ANewerSpecReplacesTheCandidateAndNeverTheStableSide) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.canary({{50, 1h}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.routed(2, 50);
  story.look();
  story.spec().version = 3;
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Draining 0 %, v3 Loading 0 %");
  story.routed(2, 0);
  story.after(100ms);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v3 Loading 0 %");
}

TEST(Rollout, ACandidateThatCannotBeLoadedNeverGetsARequest) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.spec().version = 2;
  story.look();
  story.failing(2, 1, {Reason::kLoadFailed, "no trees"});
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %") << "one more try";
  story.failing(2, 2, {Reason::kLoadFailed, "no trees"});
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Failed 0 %");
  EXPECT_EQ(story.condition("Progressing"), "False LoadFailed");
  EXPECT_EQ(story.condition("Ready"), "False LoadFailed");
  EXPECT_EQ(story.condition("Serving"), "True Serving");
  story.after(1h);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Failed 0 %") << "not tried again before the spec changes";
  EXPECT_EQ(story.desired(2), 0);
  story.ready(2, 0);
  story.spec().replicas = 2;
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
}

TEST(Rollout, ACandidateThatCrashesAgainAndAgainFailsWithItsLastWords) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.spec().version = 2;
  story.look();
  story.failing(2, 2, {Reason::kKilled, "signal 11"});
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
  story.failing(2, 3, {Reason::kKilled, "signal 11"});
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Failed 0 %");
  EXPECT_EQ(story.condition("Progressing"), "False CrashLoop");
  EXPECT_THAT(story.message("Progressing"), HasSubstr("signal 11"));
}

TEST(Rollout, TheFirstRevisionIsTriedOnAndSaysThatItFails) {
  Story story({.version = 1, .replicas = 1});
  story.look();
  story.failing(1, 2, {Reason::kLoadFailed, "no trees"});
  EXPECT_EQ(story.look(), "v1 Loading 0 %") << "there is nothing to go back to";
  EXPECT_EQ(story.condition("Progressing"), "False LoadFailed");
  ASSERT_EQ(story.notes().size(), 1u);
  EXPECT_EQ(story.notes()[0].reason, Reason::kLoadFailed);
  story.failing(1, 3, {Reason::kLoadFailed, "no trees"});
  story.look();
  EXPECT_TRUE(story.notes().empty()) << "told once";
  story.ready(1, 1);
  EXPECT_EQ(story.look(), "v1 Serving 100 %");
  EXPECT_EQ(story.condition("Ready"), "True Ready");
}

TEST(Rollout, AReplicaThatEndsAndComesBackIsWorthAnEventEach) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.failing(1, 1, {Reason::kKilled, "signal 9"});
  EXPECT_EQ(story.look(), "v1 Serving 100 %");
  ASSERT_EQ(story.notes().size(), 1u);
  EXPECT_EQ(story.notes()[0].reason, Reason::kKilled);
  EXPECT_EQ(story.condition("Serving"), "False NoReadyReplica");
  story.look();
  EXPECT_TRUE(story.notes().empty());
  story.ready(1, 1);
  story.look();
  ASSERT_EQ(story.notes().size(), 1u);
  EXPECT_EQ(story.notes()[0].reason, Reason::kReady);
}

TEST(Rollout, AWarmUpThatHangsIsEndedByTheDeadline) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.spec().version = 2;
  story.look();
  story.after(10min - 1s);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
  story.after(1s);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Failed 0 %");
  EXPECT_EQ(story.condition("Progressing"), "False ProgressDeadlineExceeded");
}

TEST(Rollout, ALongHoldIsNoLackOfProgress) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.canary({{10, 2h}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.routed(2);
  story.look();
  story.after(2h - 1s);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %");
}

TEST(Rollout, OnFailurePauseLeavesThingsAsTheyAre) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.canary({{10, 1min}});
  story.spec().rollout.on_failure = OnFailure::kPause;
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.routed(2);
  story.look();
  story.failing(2, 3, {Reason::kKilled, "signal 11"});
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %");
  EXPECT_EQ(story.condition("Progressing"), "False CrashLoop");
  story.ready(2, 1);
  story.after(1h);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %") << "it waits for people";
  story.spec().rollout.keep = 1min;
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %") << "the step is held anew";
  story.after(1min);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %");
}

TEST(Rollout, PausedHoldsTheWeightAndTheClockOfTheStep) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.canary({{10, 1min}, {50, 1min}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.routed(2);
  story.look();
  story.spec().rollout.paused = true;
  story.after(1h);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %");
  EXPECT_EQ(story.condition("Progressing"), "Unknown Paused");
  story.spec().rollout.paused = false;
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %") << "the step is held anew";
  story.after(1min);
  EXPECT_EQ(story.look(), "v1 Serving 50 %, v2 Shifting 50 %");
}

TEST(Rollout, AGatewayThatDoesNotAnswerHoldsTheChangeUntilTheDeadline) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.gateway_answers(false);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
  EXPECT_EQ(story.condition("Progressing"), "True GatewayUnreachable");
  story.after(10min);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Failed 0 %");
  EXPECT_THAT(story.message("Progressing"), HasSubstr("gateway"));
}

TEST(Rollout, AnOldRevisionWaitsForAGatewayThatMayStillSendToIt) {
  Story story = Story::changed({.version = 2, .replicas = 1});
  story.gateway_answers(false);
  story.after(5min);
  story.look();
  story.after(10min - 1s);
  EXPECT_EQ(story.look(), "v1 Draining 0 %, v2 Serving 100 %");
  story.after(1s);
  EXPECT_EQ(story.look(), "v2 Serving 100 %");
}

TEST(Rollout, AVersionThatIsNotThereChangesNothing) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.refuse({Reason::kVersionNotFound, "there is no version 7"});
  EXPECT_EQ(story.look(), "v1 Serving 100 %");
  EXPECT_EQ(story.condition("Ready"), "False VersionNotFound");
  EXPECT_EQ(story.condition("Serving"), "True Serving");
}

TEST(Rollout, AStatusThatWasLostStartsOverWithWhatServes) {
  Story story = Story::serving({.version = 1, .replicas = 2});
  story.canary({{10, 1h}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 2);
  story.routed(2);
  story.look();
  story.ready(2, 1);
  story.lose_status();
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
}

TEST(Rollout, NoReplicaIsWantedAndNothingServes) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.spec().replicas = 0;
  story.look();
  EXPECT_EQ(story.desired(1), 0);
  story.ready(1, 0);
  story.look();
  EXPECT_EQ(story.condition("Serving"), "False ScaledToZero");
  EXPECT_EQ(story.condition("Ready"), "True ScaledToZero");
}

TEST(Rollout, AtRestNothingChanges) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.look();
  const auto before = story.status();
  story.after(24h);
  story.look();
  EXPECT_EQ(story.status(), before);
  EXPECT_TRUE(story.notes().empty());
}

domain::ModelVersion version_of(int64_t number, std::string datatype, std::vector<int64_t> shape) {
  return {.model = "credit",
          .version = number,
          .digest = fmt::format("sha256:{:064}", number),
          .inputs = {{.name = "x", .datatype = std::move(datatype), .shape = std::move(shape)}},
          .outputs = {{.name = "y", .datatype = "FP32", .shape = {-1}}}};
}

TEST(Resolve, SaysWhichVersionsThereAre) {
  domain::ModelDeployment deployment{.name = "credit", .spec = {.model = "credit", .version = 7}};
  const Target target = resolve(deployment, {version_of(2, "FP32", {-1, 3}), version_of(1, "FP32", {-1, 3})});
  ASSERT_TRUE(target.refusal);
  EXPECT_EQ(target.refusal->message, "credit has no version 7: credit has 1, 2");
}

TEST(Resolve, AnotherSignatureIsRefusedUnlessTheSpecSaysThatCallersKnow) {
  domain::ModelDeployment deployment{.name = "credit", .spec = {.model = "credit", .version = 1}};
  const std::vector versions{version_of(1, "FP32", {-1, 3}), version_of(2, "FP32", {-1, 4}),
                             version_of(3, "FP32", {-1, -1})};
  const Target first = resolve(deployment, versions);
  ASSERT_TRUE(first.revision);
  deployment.status.revisions.push_back(
      {.revision = *first.revision, .weight = 100, .phase = Phase::kServing});
  deployment.spec.version = 2;
  const Target other = resolve(deployment, versions);
  ASSERT_TRUE(other.refusal);
  EXPECT_EQ(other.refusal->reason, Reason::kSignatureChanged);
  EXPECT_THAT(other.refusal->message, HasSubstr("input x was FP32 [-1,3] and is FP32 [-1,4]"));
  deployment.spec.rollout.allow_signature_change = true;
  EXPECT_TRUE(resolve(deployment, versions).revision);
  deployment.spec.rollout.allow_signature_change = false;
  deployment.spec.version = 3;
  EXPECT_TRUE(resolve(deployment, versions).revision) << "what takes anything takes what came before";
}

}  // namespace
}  // namespace slipway::rollout
