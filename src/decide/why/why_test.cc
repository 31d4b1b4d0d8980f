// Of deployments that are well, that change, that wait, and that are not there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "decide/why/testing/life.h"

namespace slipway::why {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

TEST(Why, AHealthyDeploymentSaysSoAndWhatWasLastDecided) {
  Life life = Life::serving();
  life->look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWell);
  EXPECT_EQ(reasons(answer), std::vector{Reason::kReady});
  EXPECT_THAT(answer.summary, StartsWith("nothing is wrong with credit"));
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("1 of 1 replica of " + life.revision(1) + " is ready"));
  EXPECT_EQ(answer.causes[0].next, "");
}

TEST(Why, TheLastDecisionIsShownWithItsReason) {
  Life life = Life::serving();
  life.change();
  life->ready(2, 1);
  life->routed(2);
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWell);
  ASSERT_TRUE(answer.decided);
  EXPECT_EQ(answer.decided->where, "Event RolloutComplete");
  EXPECT_THAT(answer.decided->says, StartsWith(life.revision(2) + " gets all requests"));
  EXPECT_THAT(evidence(answer.causes[0]), Contains(StartsWith("Event RolloutComplete: " + life.revision(2))));
}

TEST(Why, PausedSaysWhoWaitsForWhom) {
  Life life = Life::serving();
  life->canary({{10, 1h}});
  life->spec().version = 2;
  life.look();
  life->ready(2, 1);
  life->routed(2);
  life.look();
  life->spec().rollout.paused = true;
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWaiting);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kPaused));
  EXPECT_EQ(answer.causes[0].finding,
            "the change to version 2 stays at 10 % and waits for you: spec.rollout.paused is true");
  EXPECT_EQ(answer.causes[0].next, "slipway rollout resume credit");
}

TEST(Why, AChangeUnderWayIsNoFault) {
  Life life = Life::serving();
  life.change();
  Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kChanging);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kStarting));
  EXPECT_EQ(answer.causes[0].next, "slipway rollout status credit -w");
  EXPECT_EQ(answer.decided->where, "Event RevisionCreated");
  life->canary({{10, 2min}});
  life->ready(2, 1);
  life->routed(2);
  life.look();
  answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kChanging);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kShifting));
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("gets 10 % of the requests for 2m"));
  EXPECT_EQ(answer.summary, "nothing is wrong with credit, it changes; requests are answered");
}

TEST(Why, AFirstRevisionThatStartsIsNoFaultThoughNobodyAnswersYet) {
  Life life = Life::first();
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kChanging);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kStarting, Reason::kNoReadyReplica));
  EXPECT_THAT(answer.summary, HasSubstr("no request is answered"));
}

TEST(Why, EndpointsWithoutAReadyOneAreWhatGatewaysGoBy) {
  Life life = Life::serving();
  const domain::ModelDeployment now = life.deployment();
  const Answer answer =
      explain({.deployment = now, .versions = {}, .events = {}, .endpoints = {{}}, .now = {}});
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kNoReadyReplica));
  EXPECT_THAT(evidence(answer.causes[0]), ElementsAre("endpoints: 0 of 0 ready, and the status says 1"));
}

TEST(Why, AControlThatHasNotLookedYetIsSaidBeforeItsOldStatus) {
  Life life = Life::serving();
  const domain::ModelDeployment now = life.deployment();
  const Answer answer =
      explain({.deployment = now, .versions = {}, .events = {}, .endpoints = {}, .now = {}});
  EXPECT_EQ(answer.causes[0].reason, Reason::kEnvironmentUnavailable);
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("has not seen yet what runs"));
}

TEST(Why, ASpecThatControlHasNotTakenInComesFirst) {
  Life life = Life::serving();
  domain::ModelDeployment now = life.deployment();
  ++now.generation;
  const Answer answer =
      explain({.deployment = now, .versions = {}, .events = {}, .endpoints = life.endpoints(), .now = {}});
  EXPECT_EQ(answer.verdict, Verdict::kChanging);
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("control has not acted yet on generation"));
  EXPECT_EQ(answer.causes[0].next, "slipway status");
}

TEST(Why, MoreReplicasOnTheirWayAreNoFault) {
  Life life = Life::serving();
  life->spec().replicas = 3;
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kChanging);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kScaled, Reason::kStarting));
  EXPECT_EQ(answer.causes[0].finding, "the number of replicas changes: 3 are wanted and 1 ready");
}

TEST(Why, NoReplicaIsWantedAndThatIsWhatTheSpecSays) {
  Life life = Life::serving();
  life->spec().replicas = 0;
  life.look();
  life->ready(1, 0);
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWell);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kScaledToZero));
  EXPECT_THAT(evidence(answer.causes[0]), Contains("spec.replicas: 0"));
  EXPECT_EQ(answer.causes[0].next, "slipway scale credit --replicas 1");
}

TEST(Why, AnOldRevisionThatStillRunsIsExplained) {
  Life life(rollout::Story::changed({.version = 2, .replicas = 1, .settings = {}, .rollout = {}}));
  life->busy(1);
  life->after(5min);
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWell);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kReady, Reason::kDraining));
  EXPECT_THAT(answer.causes[1].finding, StartsWith("version 1 of credit"));
  EXPECT_EQ(answer.decided->where, "Event Draining");
  life->quiet(1);
  life->after(1s);
  life.look();
  EXPECT_EQ(life.why().decided->where, "Event Removed");
}

TEST(Why, ASpecThatWasReplacedIsWhatWasLastDecided) {
  Life life = Life::serving();
  life.change();
  life->spec().version = 1;
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWell);
  EXPECT_THAT(life.events, Contains(Field(&Event::reason, "Superseded")));
}

TEST(Why, ANewerVersionThatIsNotDeployedIsNamed) {
  Life life = Life::serving();
  life.versions = {version_of(1), version_of(2)};
  life.events.push_back({.object = "modelversion/credit-2", .reason = "Pushed", .message = "ONNX"});
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWell);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kReady, Reason::kPushed));
  EXPECT_EQ(answer.causes[1].next, "slipway deploy credit --version 2");
  EXPECT_THAT(evidence(answer.causes[1]), Contains("Event Pushed: ONNX"));
}

TEST(Why, AnOldEventIsNoCause) {
  Life life = Life::serving();
  life.events.push_back(
      {.object = "modeldeployment/credit", .reason = "LoadFailed", .message = "credit-0-aa: no"});
  EXPECT_THAT(reasons(life.why()), ElementsAre(Reason::kReady));
}

TEST(Why, AFaultThatHasPassedIsToldWithoutBeingACause) {
  Life life = Life::serving();
  life->failing(1, 1, {Reason::kKilled, "it was ended by SIGKILL"});
  life.look();
  life->ready(1, 1);
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWell);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kReady));
  EXPECT_THAT(evidence(answer.causes[0]), Contains(StartsWith("Event Killed: ")));
  EXPECT_EQ(answer.decided->where, "Event Ready");
}

TEST(Why, TheOrderOfTheListsChangesNothing) {
  Life life = Life::serving();
  life.versions = {version_of(1), version_of(2)};
  life.change();
  life.fails(2, Reason::kLoadFailed, "no trees");
  for (int i = 0; i < 5; ++i)
    life.events.push_back({.object = "modeldeployment/credit",
                           .reason = "LoadFailed",
                           .message = fmt::format("{}: {}", life.revision(2), i)});
  const Answer before = life.why();
  std::ranges::reverse(life.events);
  std::ranges::reverse(life.versions);
  EXPECT_EQ(life.why(), before);
}

TEST(WhyMissing, ADeletedDeploymentIsToldFromOneThatNeverWas) {
  const std::vector versions{version_of(1), version_of(2)};
  const std::vector<Event> events{
      {.object = "modeldeployment/credit", .reason = "RolloutComplete", .message = "m"}};
  Answer answer = explain_missing("credit", versions, events);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kDeploymentDeleted));
  EXPECT_EQ(answer.causes[0].next, "slipway deploy credit --version 2");
  answer = explain_missing("credit", versions, {});
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kPushed));
  answer = explain_missing("debit", versions, events);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kVersionNotFound));
  EXPECT_EQ(answer.causes[0].next, "slipway get mv");
}

}  // namespace
}  // namespace slipway::why
