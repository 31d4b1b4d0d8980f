#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "decide/balance/replicas.h"
#include "decide/balance/turns.h"

namespace slipway::balance {
namespace {

using namespace std::chrono_literals;

const TimePoint kNow{1h};

TEST(Turns, OnePercentOfAThousandIsTen) {
  Turns turns;
  turns.set(std::array{0.99, 0.01});
  int second = 0;
  for (int i = 0; i < 1000; ++i) second += turns.next() == 1;
  EXPECT_EQ(second, 10);
}

TEST(Turns, NoStretchIsMoreThanOneOffItsShare) {
  Turns turns;
  const std::array shares{0.5, 0.3, 0.2};
  turns.set(shares);
  std::array<int, 3> had{};
  for (int n = 1; n <= 5000; ++n) {
    ++had[turns.next()];
    for (size_t i = 0; i < shares.size(); ++i) EXPECT_NEAR(had[i], shares[i] * n, 1.01);
  }
}

TEST(Turns, NobodyWithoutAShareHasATurn) {
  Turns turns;
  EXPECT_EQ(turns.next(), Turns::kNobody);
  turns.set(std::array{0.0, 0.0});
  EXPECT_EQ(turns.next(), Turns::kNobody);
  turns.set(std::array{0.0, 1.0, 0.0});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(turns.next(), 1u);
}

template <size_t N>
size_t pick(const std::array<Replica, N>& replicas, size_t exclude, uint64_t random, TimePoint now) {
  std::array<const Replica*, N> all{};
  for (size_t i = 0; i < N; ++i) all[i] = &replicas[i];
  return balance::pick(std::span<const Replica* const>(all), exclude, random, now);
}

TEST(Replicas, TheLessBusyOfTwoIsTaken) {
  std::array<Replica, 2> replicas{{{.in_flight = 3}, {.in_flight = 1}}};
  for (uint64_t random : {0ULL, 1ULL, ~0ULL}) EXPECT_EQ(pick(replicas, kNone, random, kNow), 1u);
  replicas[0].in_flight = 1;
  replicas[0].latency_seconds = 0.001;
  replicas[1].latency_seconds = 0.002;
  EXPECT_EQ(pick(replicas, kNone, 0, kNow), 0u);
}

TEST(Replicas, EachIsDrawnAboutEquallyWhenAllAreAlike) {
  std::array<Replica, 4> replicas{};
  std::mt19937_64 random(3);
  std::array<int, 4> had{};
  for (int i = 0; i < 8000; ++i) ++had[pick(replicas, kNone, random(), kNow)];
  for (int each : had) EXPECT_NEAR(each, 2000, 250);
}

TEST(Replicas, ABrokenOneIsLeftOutForAWhileThatGrows) {
  std::array<Replica, 2> replicas{};
  begin(replicas[0]);
  end_broken(replicas[0], kNow);
  EXPECT_EQ(pick(replicas, kNone, 0, kNow + 99ms), 1u);
  EXPECT_EQ(replicas[0].out_until, kNow + 100ms);
  for (int i = 0; i < 20; ++i) {
    begin(replicas[0]);
    end_broken(replicas[0], kNow);
  }
  EXPECT_EQ(replicas[0].out_until, kNow + 10s);
  begin(replicas[0]);
  end_well(replicas[0], 1ms);
  EXPECT_EQ(replicas[0].out_until, TimePoint{});
  EXPECT_EQ(replicas[0].in_flight, 0);
}

TEST(Replicas, TriesThatFollowEachOtherReachEveryoneThatIsSuspected) {
  std::array<Replica, 3> replicas{{{.failures = 1, .broken_at = kNow - 2s, .out_until = kNow + 1s},
                                   {.failures = 9, .broken_at = kNow - 1s, .out_until = kNow + 9s},
                                   {.failures = 1, .broken_at = kNow - 3s, .out_until = kNow + 1s}}};
  size_t tried = kNone;
  std::set<size_t> reached;
  for (int i = 0; i < 3; ++i) {
    tried = pick(replicas, tried, 0, kNow);
    reached.insert(tried);
    begin(replicas[tried]);
    end_broken(replicas[tried], kNow);
  }
  EXPECT_EQ(reached.size(), 3u);
  EXPECT_TRUE(is_sooner({}, replicas[0], kNow));
  EXPECT_FALSE(is_sooner(replicas[0], {}, kNow));
  EXPECT_FALSE(is_sooner({}, {}, kNow)) << "whose turn it is stays";
}

TEST(Replicas, ASuspicionDoesNotRefuseWhatCouldBeAnswered) {
  std::array<Replica, 1> replicas{{{.out_until = kNow + 1h}}};
  EXPECT_EQ(pick(replicas, kNone, 5, kNow), 0u);
  EXPECT_EQ(pick(replicas, 0, 5, kNow), kNone) << "it was tried already";
  EXPECT_EQ(pick(std::array<Replica, 0>{}, kNone, 5, kNow), kNone);
}

}  // namespace
}  // namespace slipway::balance
