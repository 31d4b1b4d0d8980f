#include "services/supervisor/pulse.h"

#include <gtest/gtest.h>

namespace slipway::supervisor {
namespace {

Pulse after(std::initializer_list<Heard> all) {
  Pulse pulse;
  for (const Heard heard : all) pulse = next_pulse(pulse, heard);
  return pulse;
}
constexpr Heard kYes = Heard::kAnswer, kNo = Heard::kNothing;

TEST(Pulse, FourMissesInARowAreAHang) {
  EXPECT_FALSE(hangs(after({kYes, kNo, kNo, kNo})));
  EXPECT_TRUE(hangs(after({kYes, kNo, kNo, kNo, kNo})));
}

TEST(Pulse, OneAnswerMakesUpForAllMisses) {
  EXPECT_FALSE(hangs(after({kYes, kNo, kNo, kNo, kYes, kNo, kNo, kNo})));
}

TEST(Pulse, WhoHasNotAnsweredYetIsStarting) {
  EXPECT_FALSE(hangs(after({kNo, kNo, kNo, kNo, kNo, kNo, kNo})));
}

}  // namespace
}  // namespace slipway::supervisor
