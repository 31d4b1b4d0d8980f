#include "services/server/cost.h"

#include <gtest/gtest.h>

namespace slipway::server {
namespace {

using namespace std::chrono_literals;

TEST(Cost, PredictsNothingBeforeTheFirstRun) { EXPECT_FALSE(Cost{}.predict(1)); }

TEST(Cost, SeparatesTheFixedTimeFromTheTimeOfARow) {
  Cost cost;
  for (int i = 0; i < 50; ++i)
    for (int64_t rows : {1, 10, 100}) cost.learn(rows, 1000ns + rows * 20ns);
  EXPECT_NEAR(static_cast<double>(cost.predict(1000)->count()), 21000, 100);
}

TEST(Cost, OneDescheduledRunDoesNotMakeACheapModelDear) {
  Cost cost;
  for (int i = 0; i < 200; ++i) cost.learn(1, 2us);
  cost.learn(1, 50ms);
  EXPECT_LT(*cost.predict(1), 4us);
}

}  // namespace
}  // namespace slipway::server
