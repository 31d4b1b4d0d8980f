#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/cli/rollout_view.h"
#include "services/cli/screen.h"

namespace slipway::cli {
namespace {

using domain::Condition;
using domain::ConditionStatus;
using domain::ModelDeployment;
using domain::Phase;
using domain::Reason;
using domain::RevisionStatus;
using testing::HasSubstr;
using namespace std::chrono_literals;

const WallTime kNow{std::chrono::seconds(1'767'225'600)};

RevisionStatus revision(int64_t version, Phase phase, int weight) {
  return {.revision = {.name = fmt::format("credit-{}-0000000{}", version, version),
                       .deployment = "credit",
                       .model = "credit",
                       .version = version,
                       .digest = "sha256:00",
                       .artifact = "",
                       .settings = {}},
          .weight = weight,
          .ready = 2,
          .desired = 2,
          .phase = phase,
          .since = kNow - std::chrono::seconds(10 * version),
          .fault = {}};
}

Condition condition(const char* type, ConditionStatus status, Reason reason, std::string message = "words") {
  return {.type = type,
          .status = status,
          .reason = reason,
          .message = std::move(message),
          .observed_generation = 5,
          .since = {}};
}

// Version 3 is wanted; what of it is so says the caller.
ModelDeployment deployment(std::vector<RevisionStatus> revisions, std::vector<Condition> conditions) {
  ModelDeployment out{.space = "default", .name = "credit", .uid = "u", .generation = 5};
  out.spec = {.model = "credit", .version = 3, .replicas = 2, .settings = {}, .rollout = {}};
  out.status.observed_generation = 5;
  out.status.revisions = std::move(revisions);
  out.status.conditions = std::move(conditions);
  return out;
}

const Condition kReady = condition("Ready", ConditionStatus::kTrue, Reason::kReady),
                kDone = condition("Progressing", ConditionStatus::kTrue, Reason::kRolloutComplete),
                kShifting = condition("Progressing", ConditionStatus::kTrue, Reason::kShifting),
                kLoadFailed = condition("Progressing", ConditionStatus::kFalse, Reason::kLoadFailed,
                                        "no such tree\x1b[2J");

TEST(StandingOfAChange, IsWhatTheConditionsSayOfThisSpec) {
  const struct {
    ModelDeployment deployment;
    Standing standing;
  } rows[] = {{deployment({}, {}), Standing::kWaiting},
              {deployment({}, {kReady, kShifting}), Standing::kUnderWay},
              {deployment({}, {kReady, kDone}), Standing::kComplete},
              {deployment({}, {condition("Ready", ConditionStatus::kFalse, Reason::kStarting), kDone}),
               Standing::kUnderWay},
              {deployment({}, {kReady, kLoadFailed}), Standing::kFailed},
              {deployment({}, {condition("Progressing", ConditionStatus::kUnknown, Reason::kPaused)}),
               Standing::kPaused},
              {deployment({}, {condition("Progressing", ConditionStatus::kUnknown, Reason::kStarting)}),
               Standing::kUnderWay}};
  for (const auto& row : rows) EXPECT_EQ(standing(row.deployment), row.standing);
  ModelDeployment newer = deployment({}, {kReady, kDone});
  newer.generation = 6;
  EXPECT_EQ(standing(newer), Standing::kWaiting) << "what was said of the spec before means nothing";
}

TEST(ProgressLine, ShowsWeightsAndTheReason) {
  const ModelDeployment shifting =
      deployment({revision(3, Phase::kShifting, 10), revision(2, Phase::kServing, 90)}, {kShifting});
  EXPECT_EQ(progress_line(shifting),
            "credit-3-00000003 Shifting 10 % 2/2, credit-2-00000002 Serving 90 % 2/2; Shifting: words");
  EXPECT_EQ(progress_line(deployment({}, {})), "control has not taken the change in yet");
}

TEST(RolloutText, HasRevisionsAndConditionsAndSteersNoTerminal) {
  RevisionStatus failed = revision(3, Phase::kFailed, 0);
  failed.fault = domain::Fault{Reason::kLoadFailed, "no such tree\n"};
  const std::string text =
      rollout_text(deployment({failed, revision(2, Phase::kServing, 100)}, {kLoadFailed}), kNow);
  EXPECT_EQ(text,
            "credit: version 3 of credit is wanted, 2 replicas; Failed\n"
            "REVISION           VERSION  PHASE    WEIGHT  READY  SINCE  FAULT\n"
            "credit-3-00000003        3  Failed   0 %     2/2    30s    LoadFailed: no such tree\\n\n"
            "credit-2-00000002        2  Serving  100 %   2/2    20s\n"
            "Progressing  False    LoadFailed: no such tree\\x1b[2J\n");
}

TEST(RolloutDocument, IsForPrograms) {
  const json::Document out =
      rollout_document(deployment({revision(3, Phase::kServing, 100)}, {kReady, kDone}));
  EXPECT_EQ(out["standing"], "Complete");
  EXPECT_EQ(out["status"]["revisions"][0]["weight"], 100);
}

TEST(LongestChange, IsAllHoldsAndTheDeadline) {
  EXPECT_EQ(longest_change(
                {.deadline = 10min, .steps = {{.weight = 1, .hold = 2min}, {.weight = 9, .hold = 3min}}}),
            Duration(16min));
}

TEST(WayBack, IsTheStableVersionWhileAChangeIsUnderWay) {
  const auto back = plan_way_back(
      deployment({revision(3, Phase::kShifting, 10), revision(2, Phase::kServing, 90)}, {kShifting}), {});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->version, 2);
  EXPECT_THAT(back->text, HasSubstr("at once: credit-2-00000002 is warm"));
}

TEST(WayBack, IsTheNewestKeptVersionAfterwards) {
  RevisionStatus older = revision(1, Phase::kKept, 0);
  older.since = kNow - 1h;
  const auto back = plan_way_back(
      deployment({older, revision(2, Phase::kKept, 0), revision(3, Phase::kServing, 100)}, {kReady, kDone}),
      {});
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->version, 2);
}

TEST(WayBack, SaysWhenItIsAnOrdinaryChange) {
  const auto only = deployment({revision(3, Phase::kServing, 100)}, {kReady, kDone});
  EXPECT_THAT(plan_way_back(only, {}).error().message, HasSubstr("--to VERSION"));
  EXPECT_THAT(plan_way_back(only, 3).error().message, HasSubstr("wants version 3 already"));
  EXPECT_THAT(plan_way_back(only, 1)->text, HasSubstr("not at once"));
  // Warm, and with other settings: another revision has to start.
  RevisionStatus kept = revision(2, Phase::kKept, 0);
  kept.revision.settings.cpu_millis = 500;
  EXPECT_THAT(plan_way_back(deployment({kept, revision(3, Phase::kServing, 100)}, {kReady, kDone}), {})->text,
              HasSubstr("not at once"));
}

TEST(ScreenTest, GoesBackOverEveryLineOfTheTerminal) {
  EXPECT_EQ(over("", 80), "");
  EXPECT_EQ(over("one\ntwo\n", 80), "\x1b[2A\r\x1b[J");
  EXPECT_EQ(over("\n1234567890\n", 4), "\x1b[4A\r\x1b[J");
}

}  // namespace
}  // namespace slipway::cli
