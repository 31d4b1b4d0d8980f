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

TEST(Retry, GoesOnAtOnceWhenTheServerCompletedAStream) {
  EXPECT_EQ(decide_retry({}, {.began = kBegan}, 3, 0.5, kBegan + 300s),
            (RetryDecision{Next::kReconnect, 0s, 0}));
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .brought_events = true}, 3, 0.5, kBegan + 1ms),
            (RetryDecision{Next::kReconnect, 0s, 0}));
}

TEST(Retry, DoesNotHammerAServerThatCompletesEachStreamAtOnce) {
  const auto decision = decide_retry({}, {.began = kBegan}, 2, 0, kBegan + 1ms);
  EXPECT_EQ(decision, (RetryDecision{Next::kReconnect, 400ms, 3}));
}

TEST(Retry, DoublesThePauseUpToTheLongest) {
  std::vector<Duration> waits;
  RetryDecision decision;
  for (int i = 0; i < 9; ++i) {
    decision = decide_retry({}, {.began = kBegan, .why = kLost}, decision.failures, 0, kBegan);
    waits.push_back(decision.wait);
  }
  EXPECT_EQ(waits, (std::vector<Duration>{100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 15s}));
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .why = kLost}, 1'000'000, 0.999, kBegan).next,
            Next::kReconnect);
}

TEST(Retry, SpreadsThePauses) {
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .why = kLost}, 0, 0, kBegan).wait, 100ms);
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .why = kLost}, 0, 0.5, kBegan).wait, 150ms);
}

TEST(Retry, BeginsANewRowAfterAHealthyStream) {
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .why = kLost}, 7, 0, kBegan + 5s).failures, 1);
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .brought_events = true, .why = kLost}, 7, 0, kBegan).failures,
            1);
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .why = kLost}, 7, 0, kBegan + 4s).failures, 8);
}

TEST(Retry, WaitsAsLongAsTheServerAsks) {
  ApiError busy = kLost;
  busy.retry_after = 12s;
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .why = busy}, 0, 0, kBegan).wait, 12s);
}

TEST(Retry, WaitsNoLongerThanTheServerAsksAfterALongOutage) {
  ApiError starting = kLost;
  starting.retry_after = 1s;
  EXPECT_EQ(decide_retry({}, {kBegan, false, starting}, 20, 0.5, kBegan + 1s).wait, 1s);
}

TEST(Retry, ListsAgainWhenTheVersionIsTooOld) {
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .brought_events = true, .why = kExpired}, 3, 0, kBegan),
            (RetryDecision{Next::kRelist, 0s, 0}));
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .why = kExpired}, 3, 0, kBegan),
            (RetryDecision{Next::kRelist, 800ms, 4}));
}

TEST(Retry, GivesUpWhereAnotherTryChangesNothing) {
  EXPECT_EQ(decide_retry({}, {.began = kBegan, .why = kForbidden}, 0, 0, kBegan),
            (RetryDecision{Next::kGiveUp, 100ms, 1}));
}

}  // namespace
}  // namespace slipway::kube
