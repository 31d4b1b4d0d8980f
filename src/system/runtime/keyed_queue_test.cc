#include "system/runtime/keyed_queue.h"

#include <gtest/gtest.h>

namespace slipway::runtime {
namespace {

using namespace std::chrono_literals;

const TimePoint kStart{1h};

TEST(KeyedQueue, ANameThatIsAskedForTwiceIsGivenOnce) {
  KeyedQueue queue({});
  queue.add("credit", kStart);
  queue.add("credit", kStart);
  EXPECT_EQ(queue.take(kStart), "credit");
  queue.done("credit");
  EXPECT_EQ(queue.take(kStart), std::nullopt);
}

TEST(KeyedQueue, WhatIsWorkedOnIsNotGivenAgainBeforeItIsDone) {
  KeyedQueue queue({});
  queue.add("credit", kStart);
  ASSERT_EQ(queue.take(kStart), "credit");
  queue.add("credit", kStart);
  EXPECT_EQ(queue.take(kStart), std::nullopt);
  queue.done("credit");
  EXPECT_EQ(queue.take(kStart), "credit");
}

TEST(KeyedQueue, TheEarlierTimeWins) {
  KeyedQueue queue({});
  queue.add("credit", kStart + 5s);
  queue.add("credit", kStart + 1s);
  queue.add("credit", kStart + 9s);
  EXPECT_EQ(queue.next(), kStart + 1s);
  EXPECT_EQ(queue.take(kStart), std::nullopt);
  EXPECT_EQ(queue.take(kStart + 1s), "credit");
  EXPECT_EQ(queue.next(), std::nullopt);
}

TEST(KeyedQueue, WhatFailsComesBackLaterEachTimeUntilItWorks) {
  KeyedQueue queue({.first = 100ms, .longest = 1s});
  Duration least{0};
  TimePoint now = kStart;
  queue.add("credit", now);
  for (const Duration longest : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    ASSERT_EQ(queue.take(now), "credit");
    const Duration wait = queue.retry("credit", now);
    EXPECT_LE(wait, longest);
    EXPECT_GE(wait, longest / 2);
    EXPECT_GE(wait, least);
    queue.add("credit", now);
    EXPECT_EQ(queue.take(now + wait - 1ns).has_value(), false) << "asking does not shorten the wait";
    now += wait;
    least = longest / 2;
  }
}

}  // namespace
}  // namespace slipway::runtime
