#include "values/domain/units.h"

#include <gtest/gtest.h>

namespace slipway::domain {
namespace {

using namespace std::chrono_literals;

TEST(Units, TimesAreReadAsGoWritesThem) {
  EXPECT_EQ(*parse_duration("1m30s"), 90s);
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("2.5h"), 150min);
  EXPECT_EQ(*parse_duration("0s"), 0s);
  for (const char* bad : {"", "s", "5", "-5s", "5 s", "1e3s", "5d", "9999999999h", "nans", "infs"})
    EXPECT_EQ(parse_duration(bad).error().code, Code::kInvalid) << bad;
}

TEST(Units, TimesAreWrittenInTheShortestForm) {
  EXPECT_EQ(duration_text(90s), "1m30s");
  EXPECT_EQ(duration_text(5min), "5m");
  EXPECT_EQ(duration_text(1500ms), "1s500ms");
  EXPECT_EQ(duration_text(0s), "0s");
  for (const char* text : {"1h", "2h3m4s5ms", "59s"}) EXPECT_EQ(duration_text(*parse_duration(text)), text);
}

TEST(Units, ProcessorsAndBytesAreReadAsKubernetesWritesThem) {
  EXPECT_EQ(*parse_cpu("1"), 1000);
  EXPECT_EQ(*parse_cpu("500m"), 500);
  EXPECT_EQ(*parse_cpu("1.5"), 1500);
  EXPECT_EQ(*parse_bytes("512Mi"), 512LL << 20);
  EXPECT_EQ(*parse_bytes("2G"), 2'000'000'000);
  EXPECT_EQ(*parse_bytes("1024"), 1024);
  for (const char* bad : {"", "m", "1k5", "1MB", "-1", "1e9Ti"}) EXPECT_FALSE(parse_bytes(bad)) << bad;
  for (const char* bad : {"", "1x", "m", "-1", "1m1"}) EXPECT_FALSE(parse_cpu(bad)) << bad;
}

TEST(Units, ATimeReadsBackToTheMillisecond) {
  const WallTime time = WallTime{} + 1'764'000'000s + 123ms;
  EXPECT_EQ(parse_time(base::rfc3339(time)), time);
  EXPECT_EQ(parse_time("2026-01-31T23:59:59Z"), parse_time("2026-01-31T23:59:59.000Z"));
  for (const char* bad : {"", "yesterday", "2026-01-31T23:59:59.1Z"}) EXPECT_FALSE(parse_time(bad)) << bad;
}

}  // namespace
}  // namespace slipway::domain
