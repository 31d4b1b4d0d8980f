#include "system/kube/retry.h"

#include <gtest/gtest.h>

namespace slipway::kube {
namespace {

using namespace std::chrono_literals;
using Next = RetryDecision::Next;

const TimePoint kBegan{};
const ApiError kLost{.error = {Code::kUnavailable, "reset"}};
const ApiError kExpired{.error = {Code::kConflict, "too old"}, .status = 410};
const ApiError kForbidden{.error = {Code::kDenied, "no"}, .status = 403};

// The longest that a pause can be: all of the jitter.
RetryDecision decide(const ApiError& why, int failures, Duration lasted = 0s, double jitter = 1) {
  return decide_retry({}, {kBegan, why}, failures, jitter, kBegan + lasted);
}

TEST(Retry, GoesOnAtOnceWhenTheServerCompletedAStream) {
  EXPECT_EQ(decide_retry({}, {.began = kBegan}, 3, 0.5, kBegan + 300s),
            (RetryDecision{Next::kReconnect, 0s, 0}));
}

TEST(Retry, DoesNotHammerAServerThatCompletesEachStreamAtOnce) {
  EXPECT_EQ(decide_retry({}, {.began = kBegan}, 2, 0.5, kBegan + 1s),
            (RetryDecision{Next::kReconnect, 600ms, 3}));
}

// As a proxy may do each minute.
TEST(Retry, GoesOnAtOnceWhenAStreamThatLastedIsCut) {
  EXPECT_EQ(decide(kLost, 20, 60s).wait, 0s);
  EXPECT_EQ(decide(kLost, 20, 10s).wait, 20s);
}

TEST(Retry, DoublesThePauseUpToTheLongest) {
  std::vector<Duration> waits;
  RetryDecision decision;
  for (int i = 0; i < 7; ++i) {
    decision = decide(kLost, decision.failures);
    waits.push_back(decision.wait);
  }
  EXPECT_EQ(waits, (std::vector<Duration>{800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30s}));
  EXPECT_EQ(decide(kLost, 1'000'000).wait, 30s);
}

TEST(Retry, SpreadsThePausesOverAllOfTheirLength) {
  EXPECT_EQ(decide(kLost, 0, 0s, 0).wait, 0s);
  EXPECT_EQ(decide(kLost, 0, 0s, 0.5).wait, 400ms);
}

TEST(Retry, BeginsANewRowAfterTwoHealthyMinutes) {
  EXPECT_EQ(decide(kLost, 7, 119s).failures, 8);
  const auto anew = decide(kLost, 7, 120s);
  EXPECT_EQ(anew.failures, 1);
  EXPECT_EQ(anew.wait, 800ms) << "from now: many streams may have ended at once";
}

TEST(Retry, WaitsAsLongAsTheServerAsks) {
  ApiError busy = kLost;
  busy.retry_after = 12s;
  EXPECT_EQ(decide(busy, 0, 0s, 0).wait, 12s);
  EXPECT_EQ(decide(busy, 20, 60s, 0).wait, 12s);
  EXPECT_EQ(decide(busy, 20, 0s, 0.5).wait, 12'400ms) << "nor all at the same moment";
  busy.retry_after = 100h;
  EXPECT_EQ(decide(busy, 0, 0s, 0).wait, 5min);
}

TEST(Retry, ListsAgainWhenTheVersionIsTooOldButNotInAStorm) {
  EXPECT_EQ(decide(kExpired, 3, 120s), (RetryDecision{Next::kRelist, 0s, 0}));
  EXPECT_EQ(decide(kExpired, 3, 400ms), (RetryDecision{Next::kRelist, 6s, 4}));
}

TEST(Retry, GivesUpWhereAnotherTryChangesNothing) {
  EXPECT_EQ(decide(kForbidden, 0), (RetryDecision{Next::kGiveUp, 800ms, 1}));
}

TEST(RetryRows, GoOnOverSeveralWatches) {
  RetryRow row;
  EXPECT_EQ(row.due(kBegan), 0s);
  row.set(decide(kLost, row.failures()), kBegan);
  row.set(decide(kLost, row.failures()), kBegan);
  EXPECT_EQ(row.failures(), 2);
  EXPECT_EQ(row.due(kBegan + 1s), 600ms);
  EXPECT_EQ(row.due(kBegan + 2s), 0s);
}

}  // namespace
}  // namespace slipway::kube
