#include "adapters/processes/internal/failures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::processes {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint at(Duration since_zero) { return TimePoint{since_zero}; }

TEST(Failures, PausesDoubleUpToAMinute) {
  std::vector<Duration> pauses;
  for (int failures = 1; failures <= 9; ++failures) pauses.push_back(pause_after(failures));
  EXPECT_THAT(pauses, testing::ElementsAre(1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s));
  EXPECT_EQ(pause_after(1'000'000), 60s);
}

TEST(Failures, AFirstStartIsDueAtOnceAndALaterOneAfterItsPause) {
  Failures failures;
  EXPECT_TRUE(failures.due(at(0s)));
  failures.note_end(at(10s));
  EXPECT_FALSE(failures.due(at(10s + 999ms)));
  EXPECT_TRUE(failures.due(at(11s)));
  failures.note_end(at(11s));
  EXPECT_FALSE(failures.due(at(12s)));
  EXPECT_TRUE(failures.due(at(13s)));
  EXPECT_EQ(failures.count(), 2);
}

TEST(Failures, AMinuteOfReadinessForgetsThem) {
  Failures failures;
  failures.note_end(at(0s));
  EXPECT_FALSE(failures.note_ready(at(5s)));
  EXPECT_FALSE(failures.note_ready(at(64s)));
  EXPECT_EQ(failures.count(), 1);
  EXPECT_TRUE(failures.note_ready(at(65s)));
  EXPECT_EQ(failures.count(), 0);
  EXPECT_FALSE(failures.note_ready(at(66s)));
}

TEST(Failures, ReadinessCountsInOnePiece) {
  Failures failures;
  failures.note_end(at(0s));
  failures.note_ready(at(5s));
  failures.note_not_ready();
  failures.note_ready(at(60s));
  EXPECT_FALSE(failures.note_ready(at(70s)));
  failures.note_end(at(80s));
  EXPECT_EQ(failures.count(), 2);
  EXPECT_FALSE(failures.due(at(81s)));
}

TEST(Failures, ReadinessCountsAlsoWhenTheEndIsTheNextThingSeen) {
  Failures failures;
  failures.note_end(at(0s));
  failures.note_end(at(1s));
  failures.note_ready(at(5s));
  failures.note_end(at(100s));
  EXPECT_EQ(failures.count(), 1);
  EXPECT_TRUE(failures.due(at(101s)));
}

}  // namespace
}  // namespace slipway::processes
