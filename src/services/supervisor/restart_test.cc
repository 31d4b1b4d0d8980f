#include "services/supervisor/restart.h"

#include <gtest/gtest.h>

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

TEST(Restart, AtOnceThenLaterEachTimeUpToALimit) {
  TimePoint now{1h};
  int ends = 0;
  for (const Duration wait : {0ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
    const Restart restart = next_start(ends, now, now + 500ms);
    EXPECT_EQ(restart.at - (now + 500ms), wait) << ends;
    ends = restart.in_a_row;
    now = restart.at;
  }
}

TEST(Restart, WhoRanForAWhileBeginsANewRow) {
  const TimePoint now{1h};
  EXPECT_EQ(next_start(7, now, now + 1s), (Restart{.in_a_row = 1, .at = now + 1s}));
  EXPECT_EQ(next_start(7, now, now + 900ms).in_a_row, 8);
}

}  // namespace
}  // namespace slipway::supervisor
