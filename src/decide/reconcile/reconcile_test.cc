#include "decide/reconcile/reconcile.h"

#include <gtest/gtest.h>

namespace slipway::reconcile {
namespace {

using domain::Action;
using domain::ActionKind;
using domain::ModelDeploymentStatus;
using domain::Observation;
using domain::Phase;
using domain::Reason;

domain::RevisionSpec revision(const std::string& name, const std::string& deployment = "credit") {
  return {.name = name, .deployment = deployment, .model = "credit", .digest = "sha256:0"};
}

ModelDeploymentStatus status(const std::vector<std::pair<std::string, int>>& desired) {
  ModelDeploymentStatus out;
  for (const auto& [name, replicas] : desired)
    out.revisions.push_back({.revision = revision(name), .desired = replicas, .phase = Phase::kServing});
  return out;
}

Observation told(const std::vector<std::pair<std::string, int>>& revisions,
                 const std::string& deployment = "credit") {
  Observation out;
  for (const auto& [name, replicas] : revisions)
    out.revisions.push_back({.revision = revision(name, deployment), .replicas = replicas, .fault = {}});
  return out;
}

std::string text(const std::vector<Action>& actions) {
  std::string out;
  for (const Action& each : actions) {
    out += out.empty() ? "" : ", ";
    out += each.kind == ActionKind::kEnsure ? fmt::format("{} x{}", each.revision.name, each.replicas)
                                            : fmt::format("-{}", each.revision.name);
    out += fmt::format(" ({})", name(each.why));
  }
  return out;
}

TEST(Reconcile, WhatHasBeenToldIsNotToldAgain) {
  const auto wanted = status({{"a", 2}, {"b", 1}});
  EXPECT_EQ(text(plan({"credit", ""}, &wanted, told({{"a", 2}, {"b", 1}}))), "");
}

TEST(Reconcile, WhatIsNewComesAndWhatNobodyNamesGoesAfterIt) {
  const auto wanted = status({{"a", 2}, {"b", 2}});
  EXPECT_EQ(text(plan({"credit", ""}, &wanted, told({{"a", 1}, {"old", 2}}))),
            "a x2 (Scaled), b x2 (RevisionCreated), -old (Removed)");
}

TEST(Reconcile, NothingWantedOfWhatWasNeverToldIsNothingToTell) {
  const auto wanted = status({{"a", 0}});
  EXPECT_EQ(text(plan({"credit", ""}, &wanted, told({}))), "");
  EXPECT_EQ(text(plan({"credit", ""}, &wanted, told({{"a", 2}}))), "a x0 (Scaled)");
}

TEST(Reconcile, AFailedRevisionIsScaledDownForItsFault) {
  auto wanted = status({{"a", 0}});
  wanted.revisions[0].phase = Phase::kFailed;
  wanted.revisions[0].fault = domain::Fault{Reason::kLoadFailed, "no trees"};
  EXPECT_EQ(text(plan({"credit", ""}, &wanted, told({{"a", 1}}))), "a x0 (LoadFailed)");
}

TEST(Reconcile, AFailedRevisionGetsNoMoreThanItHas) {
  auto wanted = status({{"a", 3}});
  wanted.revisions[0].phase = Phase::kFailed;
  wanted.revisions[0].fault = domain::Fault{Reason::kLoadFailed, "no trees"};
  EXPECT_EQ(text(plan({"credit", ""}, &wanted, told({{"a", 1}}))), "");
  EXPECT_EQ(text(plan({"credit", ""}, &wanted, told({}))), "");
}

TEST(Reconcile, ADeploymentThatIsGoneLeavesNothing) {
  Observation seen = told({{"a", 2}});
  seen.revisions.push_back({.revision = revision("other-1", "other"), .replicas = 1, .fault = {}});
  EXPECT_EQ(text(plan({"credit", ""}, nullptr, seen)), "-a (DeploymentDeleted)");
}

TEST(AnObservationInParts, HasForEachDeploymentWhatIsAboutItAndEveryGateway) {
  Observation seen = told({{"a", 2}});
  seen.revisions.push_back({.revision = revision("other-1", "other"), .replicas = 1, .fault = {}});
  seen.replicas = {{.name = "a-0", .revision = "a", .deployment = "credit"},
                   {.name = "other-1-0", .revision = "other-1", .deployment = "other"}};
  seen.gateways = {{.name = "one",
                    .answers = true,
                    .said = {.rows = {{.deployment = "credit", .revision = "a", .weight = 100},
                                      {.deployment = "other", .revision = "other-1", .weight = 100}}}},
                   {.name = "two", .answers = false, .said = {}}};
  const Parts parts(seen);
  const Observation& part = parts.of("credit");
  ASSERT_EQ(part.revisions.size(), 1u);
  ASSERT_EQ(part.replicas.size(), 1u);
  EXPECT_EQ(part.replicas[0].name, "a-0");
  ASSERT_EQ(part.gateways.size(), 2u);
  ASSERT_EQ(part.gateways[0].said.rows.size(), 1u);
  EXPECT_EQ(part.gateways[0].said.rows[0].revision, "a");
  EXPECT_FALSE(part.gateways[1].answers);
  EXPECT_EQ(parts.of("nobody").gateways.size(), 2u);
  EXPECT_TRUE(parts.of("nobody").gateways[0].said.rows.empty());
}

TEST(AnObservationAtRest, IsTheSameWhateverItsLoadIs) {
  const Observation before{.replicas = {{.name = "a-0", .load = {.in_flight = 1}}}};
  Observation now = before;
  now.replicas[0].load.in_flight = 2;
  EXPECT_TRUE(same_at_rest(before, now));
  now.replicas[0].state = domain::ReplicaState::kReady;
  EXPECT_FALSE(same_at_rest(before, now));
}

}  // namespace
}  // namespace slipway::reconcile
