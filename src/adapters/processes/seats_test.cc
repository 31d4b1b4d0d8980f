#include "adapters/processes/internal/seats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace slipway::processes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Seat ready(int ordinal) { return {.ordinal = ordinal, .running = true, .ready = true}; }
Seat starting(int ordinal) { return {.ordinal = ordinal, .running = true}; }
Seat waiting(int ordinal) { return {.ordinal = ordinal, .due = false}; }
Seat ended(int ordinal) { return {.ordinal = ordinal}; }
Seat leaving(Seat seat) { return seat.leaving = true, seat; }
Seat retiring(Seat seat) { return seat.retiring = true, seat; }

Steps steps(std::vector<Seat> seats, int wanted) { return next_steps(seats, wanted); }

TEST(Seats, TheFirstReplicasAreStartedByTheirOrdinals) {
  EXPECT_EQ(steps({}, 2), (Steps{.start = {0, 1}}));
  EXPECT_EQ(steps({starting(0), ready(1)}, 2), Steps{});
}

TEST(Seats, WhatEndedIsStartedAgainWhenItIsDue) {
  EXPECT_EQ(steps({waiting(0), ready(1)}, 2), Steps{});
  EXPECT_EQ(steps({ended(0), ready(1)}, 2), (Steps{.start = {0}}));
}

TEST(Seats, TheHighestOrdinalsStopFirst) {
  EXPECT_EQ(steps({ready(0), ready(1), ready(2), ready(3)}, 2), (Steps{.stop = {3, 2}}));
  EXPECT_EQ(steps({ready(0), ready(1)}, 0), (Steps{.stop = {1, 0}}));
}

TEST(Seats, WhatIsNotWantedAndDoesNotRunIsForgotten) {
  EXPECT_EQ(steps({ready(0), waiting(1)}, 1), (Steps{.forget = {1}}));
  EXPECT_EQ(steps({leaving(ended(0))}, 0), (Steps{.forget = {0}}));
}

TEST(Seats, OneThatLeavesIsToldOnceAndItsPlaceStaysItsOwn) {
  EXPECT_EQ(steps({ready(0), leaving(ready(1))}, 1), Steps{});
  // Wanted again meanwhile: another comes at once.
  EXPECT_EQ(steps({ready(0), leaving(ready(1))}, 2), (Steps{.start = {2}}));
  EXPECT_EQ(steps({ready(0), leaving(ready(1)), starting(2)}, 2), Steps{});
}

// The whole story of a replica that is replaced.
TEST(Seats, AReplacementIsReadyBeforeWhatItReplacesStops) {
  EXPECT_EQ(steps({retiring(ready(0)), ready(1)}, 2), (Steps{.start = {2}}));
  EXPECT_EQ(steps({retiring(ready(0)), ready(1), starting(2)}, 2), Steps{});
  EXPECT_EQ(steps({retiring(ready(0)), ready(1), ready(2)}, 2), (Steps{.stop = {0}}));
  EXPECT_EQ(steps({retiring(leaving(ready(0))), ready(1), ready(2)}, 2), Steps{});
  EXPECT_EQ(steps({retiring(leaving(ended(0))), ready(1), ready(2)}, 2), (Steps{.forget = {0}}));
  EXPECT_EQ(steps({ready(1), ready(2)}, 2), Steps{});
  EXPECT_EQ(steps({ready(1), ready(2)}, 3), (Steps{.start = {0}}));
}

TEST(Seats, ARemovedRevisionStopsAlsoWhatIsBeingReplaced) {
  EXPECT_EQ(steps({retiring(ready(0)), starting(1)}, 0), (Steps{.stop = {1, 0}}));
}

TEST(Seats, WhoAnswersGoesOnUntilEnoughOthersDo) {
  EXPECT_EQ(steps({waiting(0), ready(1), ready(2)}, 2), Steps{});
  EXPECT_EQ(steps({starting(0), ready(1), ready(2), starting(3)}, 2), (Steps{.stop = {3}}));
  EXPECT_EQ(steps({waiting(0), ready(1), ready(2), ready(3)}, 2), (Steps{.stop = {3}}));
  EXPECT_EQ(steps({ready(0), ready(1), ready(2)}, 2), (Steps{.stop = {2}}));
}

// Everything is done, and what was started is ready.
std::vector<Seat> done(std::vector<Seat> seats, const Steps& steps) {
  const auto is_in = [](const std::vector<int>& list, const Seat& seat) {
    return std::find(list.begin(), list.end(), seat.ordinal) != list.end();
  };
  std::erase_if(seats, [&](const Seat& seat) { return is_in(steps.forget, seat); });
  for (const int ordinal : steps.start)
    if (std::ranges::none_of(seats, [&](const Seat& seat) { return seat.ordinal == ordinal; }))
      seats.push_back(ended(ordinal));
  for (Seat& seat : seats) {
    if (is_in(steps.start, seat)) seat.running = seat.ready = true;
    if (is_in(steps.stop, seat)) seat.leaving = true;
  }
  std::ranges::sort(seats, {}, &Seat::ordinal);
  return seats;
}

TEST(Seats, FromWhereverItBeginsAsManyAsAreWantedRunInTheEnd) {
  for (int wanted = 0; wanted <= 4; ++wanted)
    for (int bits = 0; bits < 512; ++bits) {
      std::vector<Seat> seats;
      for (int i = 0; i < 3; ++i) {
        const int of_this = bits >> (3 * i);
        const bool running = (of_this & 1) != 0;
        seats.push_back({.ordinal = i,
                         .running = running,
                         .ready = running,
                         .leaving = (of_this & 2) != 0,
                         .retiring = (of_this & 4) != 0});
      }
      for (int round = 0; round < 3; ++round) seats = done(seats, next_steps(seats, wanted));
      EXPECT_EQ(next_steps(seats, wanted), Steps{}) << "wanted " << wanted << ", seats " << bits;
      EXPECT_EQ(std::ranges::count_if(seats, [](const Seat& seat) { return seat.running && !seat.leaving; }),
                wanted)
          << "seats " << bits;
    }
}

}  // namespace
}  // namespace slipway::processes
