// Of deployments that something is wrong with: the root stands first, with its evidence and a next step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/why/testing/life.h"

namespace slipway::why {
namespace {

using domain::OnFailure;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

TEST(WhyOfAFault, AModelThatFailsToLoadIsTheRootOfTheRollback) {
  Life life = Life::serving();
  life.versions = {version_of(1), version_of(2)};
  life.change();
  life.fails(2, Reason::kLoadFailed, "model.json: byte 12: no trees");
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWrong);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kLoadFailed, Reason::kRolledBack));
  const Cause& root = answer.causes[0];
  EXPECT_EQ(root.finding,
            fmt::format("version 2 of credit ({}) cannot be served: model.json: byte 12: no trees",
                        life.revision(2)));
  EXPECT_EQ(root.next, "slipway inspect \"$(slipway fetch credit:2)\"");
  EXPECT_THAT(evidence(root), Contains(StartsWith("status.conditions[Progressing]: False LoadFailed")));
  EXPECT_THAT(evidence(root), Contains(StartsWith("status.revisions[credit-2-")));
  EXPECT_THAT(evidence(root), Contains(StartsWith("Event LoadFailed: credit-2-")));
  EXPECT_EQ(answer.causes[1].next, "slipway rollout rollback credit");
  EXPECT_THAT(answer.summary, HasSubstr("requests are answered"));
}

TEST(WhyOfAFault, AFirstRevisionThatFailsIsTriedOnAndNamesTheRoot) {
  Life life = Life::first();
  life.look();
  life->failing(1, 2, {Reason::kLoadFailed, "no trees"});
  life.look();
  const Answer answer = life.why();
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kLoadFailed, Reason::kNoReadyReplica));
  EXPECT_EQ(answer.causes[0].finding,
            fmt::format("version 1 of credit ({}) cannot be served: no trees", life.revision(1)));
  EXPECT_THAT(answer.summary, HasSubstr("no request is answered"));
}

TEST(WhyOfAFault, AModelThatAnswersWrongShapesNamesThem) {
  Life life = Life::serving();
  life.change();
  life.fails(2, Reason::kLoadFailed, "warm-up: output y has the shape [1,2], its signature says [-1,3]");
  const Answer answer = life.why();
  EXPECT_EQ(answer.causes[0].reason, Reason::kLoadFailed);
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("output y has the shape [1,2], its signature says [-1,3]"));
}

TEST(WhyOfAFault, AServerThatCrashesAtItsStartShowsTheLastLinesOfItsLog) {
  Life life = Life::serving();
  life.change();
  life.fails(3, Reason::kKilled, "it was ended by SIGSEGV; its last lines:\nloading\nwarming");
  const Answer answer = life.why();
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kCrashLoop, Reason::kRolledBack));
  const Cause& root = answer.causes[0];
  EXPECT_THAT(root.finding,
              HasSubstr("end again and again: it ended 3 times; the last time: it was ended by SIGSEGV"));
  EXPECT_THAT(evidence(root), Contains("log: loading\nwarming"));
  EXPECT_EQ(root.next, "slipway logs " + life.revision(2) + "-0");
}

TEST(WhyOfAFault, BeforeItIsGivenUpACrashIsNamedByItsSignal) {
  Life life = Life::serving();
  life.change();
  life.fails(1, Reason::kKilled, "it was ended by SIGSEGV; its last lines:\nwarming");
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWrong);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kKilled));
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("SIGSEGV"));
}

TEST(WhyOfAFault, AServerThatEndsByItselfIsNamedByItsCode) {
  Life life = Life::serving();
  life.change();
  life.fails(1, Reason::kExited, "it ended with code 7; its last lines:\nno licence");
  const Answer answer = life.why();
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kExited));
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("it ended with code 7"));
  EXPECT_THAT(evidence(answer.causes[0]), Contains("log: no licence"));
}

TEST(WhyOfAFault, AWarmUpWithoutEndIsTheRootOfAnExceededDeadline) {
  Life life = Life::serving();
  life.change();
  life->after(10min);
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWrong);
  EXPECT_THAT(reasons(answer),
              ElementsAre(Reason::kStarting, Reason::kProgressDeadlineExceeded, Reason::kRolledBack));
  EXPECT_EQ(answer.causes[0].finding,
            fmt::format("the replicas of {} loaded or warmed for 10m and came to no end", life.revision(2)));
  EXPECT_EQ(answer.causes[0].next, "slipway logs " + life.revision(2) + "-0");
  EXPECT_EQ(answer.causes[1].finding, "the change was given up: nothing went forward for 10m");
}

TEST(WhyOfAFault, AReplicaThatHangsIsTheRootOfAnExceededDeadline) {
  Life life = Life::serving();
  life.change();
  life.fails(0, Reason::kHanging, "process 77 runs and has said nothing for 30s");
  EXPECT_THAT(reasons(life.why()), ElementsAre(Reason::kHanging));
  life->after(10min);
  life.look();
  const Answer answer = life.why();
  EXPECT_THAT(reasons(answer),
              ElementsAre(Reason::kHanging, Reason::kProgressDeadlineExceeded, Reason::kRolledBack));
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("process 77 runs and has said nothing for 30s"));
}

TEST(WhyOfAFault, AVersionThatIsNotThereNamesThoseThatAre) {
  Life life = Life::serving();
  life.versions = {version_of(1), version_of(3)};
  life->spec().version = 7;
  life->refuse({Reason::kVersionNotFound, "credit has no version 7: credit has 1, 3"});
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWrong);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kVersionNotFound));
  EXPECT_EQ(answer.causes[0].finding, "credit has no version 7: credit has 1, 3");
  EXPECT_EQ(answer.causes[0].next, "slipway deploy credit --version 3");
  EXPECT_THAT(evidence(answer.causes[0]), Contains("spec.version: 7"));
}

TEST(WhyOfAFault, AModelWithoutVersionsIsPushedFirst) {
  Life life = Life::first();
  life->refuse({Reason::kVersionNotFound, "credit has no version 1: there is no version of credit at all"});
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.causes[0].reason, Reason::kVersionNotFound);
  EXPECT_EQ(answer.causes[0].next, "slipway push FILE --name credit");
  EXPECT_THAT(answer.summary, HasSubstr("no request is answered"));
}

TEST(WhyOfAFault, AnotherSignatureNamesTheTensorAndBothTypes) {
  Life life = Life::serving();
  life.versions = {version_of(1), version_of(2, "INT64")};
  life->spec().version = 2;
  life->refuse({Reason::kSignatureChanged,
                "credit:2 does not fit callers of credit:1: input x was FP32 [-1,3] and is INT64 [-1,3]; if "
                "they know, set spec.rollout.allowSignatureChange"});
  life.look();
  const Answer answer = life.why();
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kSignatureChanged));
  EXPECT_EQ(answer.causes[0].finding,
            "credit:2 does not fit callers of credit:1: input x was FP32 [-1,3] and is INT64 [-1,3]");
  EXPECT_THAT(evidence(answer.causes[0]), Contains("spec.signature.inputs[x]: FP32 [-1,3]"));
  EXPECT_THAT(evidence(answer.causes[0]), Contains("spec.signature.inputs[x]: INT64 [-1,3]"));
  EXPECT_THAT(answer.causes[0].hint, HasSubstr("\"allowSignatureChange\":true"));
}

TEST(WhyOfAFault, MoreReplicasThanMemorySaysWhatIsAskedAndWhatThereIs) {
  Life life = Life::serving();
  life->spec().settings.memory_bytes = int64_t{4} << 30;
  life->spec().replicas = 8;
  life.change();
  life.fails(0, Reason::kInsufficientMemory,
             "8 × 4096 MiB are asked for and 6000 MiB are free; ask for fewer replicas");
  const Answer answer = life.why();
  EXPECT_EQ(answer.causes[0].reason, Reason::kInsufficientMemory);
  EXPECT_EQ(answer.causes[0].finding,
            "there is not enough memory: 8 × 4096 MiB are asked for and 6000 MiB are free");
  EXPECT_THAT(evidence(answer.causes[0]), Contains("spec.resources.memory: 4096 MiB"));
  EXPECT_THAT(evidence(answer.causes[0]), Contains("spec.replicas: 8"));
  EXPECT_EQ(answer.causes[0].next, "slipway scale credit --replicas 1");
}

TEST(WhyOfAFault, AReplicaBeyondItsMemoryIsGivenMore) {
  Life life = Life::serving();
  life->spec().settings.memory_bytes = 256 << 20;
  life.change();
  life.fails(3, Reason::kOutOfMemory, "it wanted more memory than its 256 MiB");
  const Answer answer = life.why();
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kOutOfMemory, Reason::kRolledBack));
  EXPECT_THAT(answer.causes[0].next, HasSubstr(R"('{"spec":{"resources":{"memory":"512Mi"}}}')"));
}

TEST(WhyOfAFault, FilesThatCannotBeFetchedAreFetchedByHand) {
  Life life = Life::serving();
  life.versions = {version_of(2)};
  life.change();
  life.fails(0, Reason::kFetchFailed, "credit:2: connection refused");
  const Answer answer = life.why();
  EXPECT_THAT(reasons(answer), Contains(Reason::kFetchFailed));
  EXPECT_EQ(answer.causes[0].next, "slipway fetch credit:2");
  EXPECT_THAT(evidence(answer.causes[0]), Contains(StartsWith("spec.artifact: credit@sha256:")));
}

TEST(WhyOfAFault, EveryOtherFaultOfACandidateIsItsOwnRoot) {
  const std::pair<Reason, const char*> rows[] = {
      {Reason::kDigestMismatch, "slipway verify"},
      {Reason::kMemoryPressure, "kubectl patch md credit"},
      {Reason::kDiskFull, "df -h"},
      {Reason::kEnvironmentUnavailable, "slipway status"},
      {Reason::kNameTaken, "kubectl get deployments,services credit-2-"},
      {Reason::kPodRefused, "kubectl describe deployment credit-2-"},
      {Reason::kQuotaExceeded, "kubectl describe resourcequota"},
      {Reason::kImagePullFailed, "kubectl describe pods -l slipway.dev/revision=credit-2-"},
      {Reason::kUnschedulable, "kubectl describe pods -l slipway.dev/revision=credit-2-"},
  };
  for (const auto& [reason, next] : rows) {
    Life life = Life::serving();
    life.change();
    life.fails(0, reason, "words");
    const Answer answer = life.why();
    EXPECT_THAT(reasons(answer), ElementsAre(reason));
    EXPECT_THAT(answer.causes[0].finding, HasSubstr("words"));
    EXPECT_THAT(answer.causes[0].next, StartsWith(next));
    EXPECT_EQ(answer.verdict, Verdict::kWrong);
  }
}

TEST(WhyOfAFault, OnAClusterItsOwnControllersBearTheCauseOut) {
  Life life = Life::serving();
  life.change();
  life.fails(0, Reason::kUnschedulable, "0/2 nodes are available: 2 Insufficient cpu");
  const std::string pod = "pod/" + life.revision(2) + "-5d9c7-x2x4z";
  life.events.push_back(
      {.object = pod, .reason = "FailedScheduling", .message = "0/2 nodes", .warning = true, .count = 5});
  life.events.push_back({.object = pod, .reason = "BackOff", .message = "something else", .warning = true});
  life.events.push_back({.object = "pod/" + life.revision(1) + "-5d9c7-zzzzz",
                         .reason = "FailedScheduling",
                         .message = "of another revision",
                         .warning = true});
  const Answer answer = life.why();
  EXPECT_EQ(answer.causes[0].reason, Reason::kUnschedulable);
  EXPECT_THAT(evidence(answer.causes[0]), Contains("Event FailedScheduling: 0/2 nodes"));
  EXPECT_THAT(evidence(answer.causes[0]), Not(Contains(HasSubstr("another revision"))));
  EXPECT_THAT(evidence(answer.causes[0]), Not(Contains(HasSubstr("something else"))));
  EXPECT_EQ(answer.causes[0].next, "kubectl describe pods -l slipway.dev/revision=" + life.revision(2));
}

TEST(WhyOfAFault, AFailureThatPausesWaitsForPeopleAndNamesTheRoot) {
  Life life = Life::serving();
  life->canary({{10, 1h}});
  life->spec().rollout.on_failure = OnFailure::kPause;
  life->spec().version = 2;
  life.look();
  life->ready(2, 1);
  life->routed(2);
  life.look();
  life.fails(3, Reason::kKilled, "it was ended by SIGABRT");
  const Answer answer = life.why();
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kCrashLoop, Reason::kPaused));
  EXPECT_THAT(answer.causes[1].finding, HasSubstr("stays at 10 % and waits for you: it failed"));
  EXPECT_EQ(answer.causes[1].next, "slipway rollout rollback credit");
}

TEST(WhyOfAFault, ADeadlineThatPausesNamesRootAndWhoIsWaitedFor) {
  Life life = Life::serving();
  life->spec().rollout.on_failure = OnFailure::kPause;
  life.change();
  life->after(10min);
  life.look();
  EXPECT_THAT(reasons(life.why()),
              ElementsAre(Reason::kStarting, Reason::kProgressDeadlineExceeded, Reason::kPaused));
}

TEST(WhyOfAFault, AGatewayThatDoesNotAnswerHoldsTheChangeAndLaterEndsIt) {
  Life life = Life::serving();
  life.change();
  life->ready(2, 1);
  life->gateway_answers(false);
  life.look();
  Answer answer = life.why();
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kGatewayUnreachable));
  EXPECT_THAT(answer.causes[0].hint, HasSubstr("onFailure (rollback) decides"));
  life->after(10min);
  life.look();
  answer = life.why();
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kGatewayUnreachable, Reason::kProgressDeadlineExceeded,
                                           Reason::kRolledBack));
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("gateway gateway does not answer"));
}

TEST(WhyOfAFault, AGatewayThatHasNotHeardIsWaitedFor) {
  Life life = Life::serving();
  life.change();
  life->ready(2, 1);
  life.look();
  Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWaiting);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kWaitingForGateway));
  life->after(10min);
  life.look();
  answer = life.why();
  EXPECT_EQ(answer.causes[0].reason, Reason::kWaitingForGateway);
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("no gateway had taken"));
}

TEST(WhyOfAFault, WithoutAReadyReplicaTheCauseOfTheirEndComesFirst) {
  Life life = Life::serving();
  life->failing(1, 1, {Reason::kKilled, "it was ended by SIGKILL"});
  life.look();
  const Answer answer = life.why();
  EXPECT_EQ(answer.verdict, Verdict::kWrong);
  EXPECT_THAT(reasons(answer), ElementsAre(Reason::kKilled, Reason::kNoReadyReplica));
  EXPECT_THAT(answer.causes[0].finding, HasSubstr("it was ended by SIGKILL"));
}

}  // namespace
}  // namespace slipway::why
