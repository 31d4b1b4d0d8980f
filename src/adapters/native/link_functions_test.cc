#include "adapters/native/link_functions.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace slipway::native {
namespace {

template <class T>
auto bits(T x) {
  if constexpr (sizeof(T) == 4)
    return std::bit_cast<uint32_t>(x);
  else
    return std::bit_cast<uint64_t>(x);
}

// What a glibc with FMA answers. Recorded, so that the same is asked of every machine.
TEST(Exp64, GivesTheRecordedBitsOnEveryMachine) {
  const struct {
    double x;
    uint64_t bits;
  } recorded[] = {
#include "adapters/native/testdata/exp64.inc"
  };
  for (const auto& row : recorded) EXPECT_EQ(bits(exp64(row.x)), row.bits) << std::hexfloat << row.x;
}

TEST(Exp32, GivesTheRecordedBitsOnEveryMachine) {
  const struct {
    float x;
    uint32_t bits;
  } recorded[] = {
#include "adapters/native/testdata/exp32.inc"
  };
  for (const auto& row : recorded) EXPECT_EQ(bits(exp32(row.x)), row.bits) << std::hexfloat << row.x;
}

TEST(Exp, IsWithinOneUlpOfTheLibrarysEverywhere) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    const double x = std::uniform_real_distribution<double>(-750, 712)(random);
    EXPECT_LE(std::abs(static_cast<int64_t>(bits(exp64(x)) - bits(std::exp(x)))), 1) << x;
    const auto f = static_cast<float>(std::uniform_real_distribution<double>(-105, 90)(random));
    EXPECT_LE(std::abs(static_cast<int32_t>(bits(exp32(f)) - bits(std::exp(f)))), 1) << f;
  }
}

TEST(Exp, KnowsTheEnds) {
  EXPECT_EQ(exp64(0), 1);
  EXPECT_EQ(exp64(-INFINITY), 0);
  EXPECT_EQ(exp64(INFINITY), INFINITY);
  EXPECT_TRUE(std::isnan(exp64(NAN)));
  EXPECT_EQ(exp32(89), INFINITY);
  EXPECT_EQ(exp32(-110), 0);
  EXPECT_TRUE(std::isnan(exp32(NAN)));
}

TEST(Link, ArgMaxTakesTheFirstOfEquals) {
  float row[] = {1, 3, 3};
  apply(Link::kArgMax, row);
  EXPECT_EQ(row[0], 1);
}

TEST(Link, OnlyTheFloatSigmoidStopsBeforeZero) {
  float narrow[] = {-88.7F, -1000, NAN};
  apply(Link::kSigmoid, narrow);
  EXPECT_GT(narrow[1], 0);
  EXPECT_EQ(narrow[1], narrow[0]);
  EXPECT_TRUE(std::isnan(narrow[2]));
  double wide[] = {-1000};
  apply(Link::kSigmoid, 1, wide);
  EXPECT_EQ(wide[0], 0);
}

TEST(Link, SoftmaxDoesNotOverflow) {
  double row[] = {1000, 1000};
  apply(Link::kSoftmax, 1, row);
  EXPECT_EQ(row[0], 0.5);
}

}  // namespace
}  // namespace slipway::native
