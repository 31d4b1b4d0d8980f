#include "services/server/drain.h"

#include <gtest/gtest.h>

namespace slipway::server {
namespace {

using namespace std::chrono_literals;

constexpr DrainOptions kOptions{.quiet = 5s, .deadline = 30s};

DrainView at(Duration now, Duration last_arrival = {}) {
  return {.now = TimePoint{now}, .started = {}, .last_arrival = TimePoint{last_arrival}};
}

TEST(Drain, AnswersUntilNothingHasArrivedForTheQuietTime) {
  EXPECT_EQ(next_drain_state(DrainState::kAnswering, at(7s, 3s), kOptions), DrainState::kAnswering);
  EXPECT_EQ(next_drain_state(DrainState::kAnswering, at(8s, 3s), kOptions), DrainState::kClosing);
}

TEST(Drain, CountsTheQuietTimeFromItsOwnStartWhenTheLastRequestIsOlder) {
  DrainView view = at(104s, 1s);
  view.started = TimePoint{100s};
  EXPECT_EQ(next_drain_state(DrainState::kAnswering, view, kOptions), DrainState::kAnswering);
}

TEST(Drain, ABareServerClosesAtOnceAlsoWhenARequestArrivesRightNow) {
  const DrainOptions bare{.quiet = 0s, .deadline = 30s};
  EXPECT_EQ(next_drain_state(DrainState::kAnswering, at(1s), bare), DrainState::kClosing);
  EXPECT_EQ(next_drain_state(DrainState::kAnswering, at(1s, 1001ms), bare), DrainState::kClosing);
}

TEST(Drain, RefusesOnlyFromTheDeadlineOn) {
  EXPECT_EQ(next_drain_state(DrainState::kAnswering, at(29s, 29s), kOptions), DrainState::kAnswering);
  EXPECT_EQ(next_drain_state(DrainState::kAnswering, at(30s, 29s), kOptions), DrainState::kRefusing);
}

TEST(Drain, WaitsForTheRequestsInFlightAndTheirConnections) {
  DrainView view = at(6s);
  view.in_flight = 1;
  EXPECT_EQ(next_drain_state(DrainState::kClosing, view, kOptions), DrainState::kClosing);
  view = at(6s);
  view.connections = 1;
  EXPECT_EQ(next_drain_state(DrainState::kClosing, view, kOptions), DrainState::kClosing);
  EXPECT_EQ(next_drain_state(DrainState::kClosing, at(6s), kOptions), DrainState::kDone);
}

TEST(Drain, EndsOneSecondAfterTheDeadlineWhateverIsLeft) {
  DrainView view = at(30s);
  view.in_flight = 1;
  EXPECT_EQ(next_drain_state(DrainState::kRefusing, view, kOptions), DrainState::kRefusing);
  view.now = TimePoint{31s};
  EXPECT_EQ(next_drain_state(DrainState::kRefusing, view, kOptions), DrainState::kDone);
}

}  // namespace
}  // namespace slipway::server
