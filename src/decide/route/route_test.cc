#include "decide/route/route.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace slipway::route {
namespace {

using domain::ModelDeployment;

struct Given {
  std::string revision;
  int64_t version;
  int weight;
};

ModelDeployment deployment(const std::vector<Given>& revisions) {
  ModelDeployment out{.name = "credit", .spec = {.model = "credit"}};
  for (const Given& each : revisions)
    out.status.revisions.push_back({.revision = {.name = each.revision,
                                                 .deployment = "credit",
                                                 .model = "credit",
                                                 .version = each.version,
                                                 .digest = "d"},
                                    .weight = each.weight});
  return out;
}

void answer(Slices& slices, const std::string& revision, int ready, int unready = 0) {
  domain::EndpointSlice slice{
      .name = revision, .revision = revision, .deployment = "credit", .endpoints = {}};
  for (int i = 0; i < ready + unready; ++i)
    slice.endpoints.push_back(
        {.replica = fmt::format("{}-{}", revision, i), .address = "x.sock", .ready = i < ready});
  slices.emplace(revision, slice);
}

std::string shares(const Row& row) {
  std::string out;
  for (const Revision& each : row.revisions)
    out += fmt::format("{}{} {:.3g} of {}", out.empty() ? "" : ", ", each.name, each.share,
                       each.endpoints.size());
  return out;
}

TEST(Route, SharesAreTheWeightsWhenEveryRevisionAnswers) {
  Slices slices;
  answer(slices, "a", 2);
  answer(slices, "b", 1);
  EXPECT_EQ(shares(make_row(deployment({{"b", 2, 10}, {"a", 1, 90}}), slices, nullptr)),
            "a 0.9 of 2, b 0.1 of 1");
}

TEST(Route, ARevisionThatNobodyAnswersForGivesItsShareToTheOthersInProportion) {
  Slices slices;
  answer(slices, "a", 1);
  answer(slices, "b", 1);
  answer(slices, "c", 0, 3);
  EXPECT_EQ(shares(make_row(deployment({{"a", 1, 30}, {"b", 2, 10}, {"c", 3, 60}}), slices, nullptr)),
            "a 0.75 of 1, b 0.25 of 1, c 0 of 0");
}

TEST(Route, WhatHasNoWeightGetsNothingEvenWhenNothingElseAnswers) {
  Slices slices;
  answer(slices, "b", 1);
  const Row row = make_row(deployment({{"a", 1, 100}, {"b", 2, 0}}), slices, nullptr);
  EXPECT_EQ(shares(row), "a 0 of 0, b 0 of 1");
  EXPECT_FALSE(row.is_ready());
  EXPECT_EQ(row.find("b")->endpoints.size(), 1u) << "who names it gets an answer";
}

TEST(Route, ThoseThatEndAnswerOnWhenNobodyElseDoes) {
  Slices slices;
  answer(slices, "a", 0, 2);
  for (domain::Endpoint& each : slices.begin()->second.endpoints) each.terminating = true;
  EXPECT_EQ(shares(make_row(deployment({{"a", 1, 100}}), slices, nullptr)), "a 1 of 2");
  ModelDeployment unwanted = deployment({{"a", 1, 100}});
  unwanted.spec.replicas = 0;
  EXPECT_EQ(shares(make_row(unwanted, slices, nullptr)), "a 0 of 0");
  answer(slices, "b", 1);
  EXPECT_EQ(shares(make_row(deployment({{"a", 1, 50}, {"b", 2, 50}}), slices, nullptr)),
            "a 0 of 0, b 1 of 1");
}

TEST(Route, AStatusWithoutWeightsLeavesTheWeightsThatWere) {
  Slices slices;
  answer(slices, "a", 1);
  const Row before = make_row(deployment({{"a", 1, 100}}), slices, nullptr);
  EXPECT_EQ(shares(make_row(deployment({}), slices, &before)), "a 1 of 1");
  EXPECT_EQ(shares(make_row(deployment({{"a", 1, 0}}), Slices{}, &before)), "a 0 of 0");
}

TEST(Route, ReplicasThatAreGoingGetNothingNew) {
  domain::EndpointSlice slice{.name = "a", .revision = "a", .deployment = "credit", .endpoints = {}};
  slice.endpoints = {
      {"a-0", "0.sock", true, true}, {"a-1", "1.sock", true, false}, {"a-1", "1.sock", true, false}};
  const Row row = make_row(deployment({{"a", 1, 100}}), {{"a", slice}}, nullptr);
  ASSERT_EQ(row.revisions[0].endpoints.size(), 1u);
  EXPECT_EQ(row.revisions[0].endpoints[0].replica, "a-1");
}

TEST(Route, AVersionIsFoundByTheRevisionWithMostWeight) {
  Slices slices;
  answer(slices, "a", 1);
  answer(slices, "b", 1);
  const Row row = make_row(deployment({{"a", 3, 10}, {"b", 3, 90}, {"c", 4, 0}}), slices, nullptr);
  EXPECT_EQ(row.find_version(3)->name, "b");
  EXPECT_EQ(row.find_version(4)->name, "c");
  EXPECT_EQ(row.find_version(5), nullptr);
}

domain::Condition condition(const char* type, domain::ConditionStatus status, domain::Reason reason) {
  return {.type = type,
          .status = status,
          .reason = reason,
          .message = fmt::format("{} {}", type, domain::name(reason)),
          .observed_generation = 1,
          .since = {}};
}

TEST(Route, ARefusalIsTheDeploymentsOwnReason) {
  using enum domain::ConditionStatus;
  using domain::Reason;
  const auto no_replica = condition("Serving", kFalse, Reason::kNoReadyReplica);
  const struct {
    const char* why;
    std::vector<domain::Condition> conditions;
    int weight;
    const char* says;
  } rows[] = {
      {"nothing is known", {}, 0, "no replica answers"},
      {"the first version is not there",
       {condition("Ready", kFalse, Reason::kVersionNotFound), no_replica},
       0,
       "Ready VersionNotFound"},
      {"none is wanted",
       {condition("Ready", kFalse, Reason::kStarting), condition("Serving", kFalse, Reason::kScaledToZero)},
       0,
       "Serving ScaledToZero"},
      {"what serves has crashed in the middle of a change",
       {condition("Ready", kFalse, Reason::kShifting), no_replica},
       100,
       "Serving NoReadyReplica"},
      {"control has not seen yet that nobody is there",
       {condition("Ready", kFalse, Reason::kShifting), condition("Serving", kTrue, Reason::kServing)},
       100,
       "no replica answers"},
  };
  for (const auto& row : rows) {
    ModelDeployment given = deployment({{"a", 1, row.weight}});
    given.status.conditions = row.conditions;
    EXPECT_EQ(make_row(given, Slices{}, nullptr).refusal.message, row.says) << row.why;
  }
}

TEST(Route, SharesSumToOneOrNothingIsReadyWhateverComes) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Slices slices;
    std::vector<Given> given;
    const char* names[] = {"a", "b", "c", "d"};
    for (const char* name : names) {
      given.push_back({name, 1, static_cast<int>(random() % 3) * 50});
      answer(slices, name, static_cast<int>(random() % 3), static_cast<int>(random() % 2));
    }
    std::shuffle(given.begin(), given.end(), random);
    const Row row = make_row(deployment(given), slices, nullptr);
    double sum = 0;
    for (const Revision& each : row.revisions) {
      sum += each.share;
      EXPECT_TRUE(each.share == 0 || (!each.endpoints.empty() && each.weight > 0));
    }
    EXPECT_NEAR(sum, row.is_ready() ? 1 : 0, 1e-9);
  }
}

}  // namespace
}  // namespace slipway::route
