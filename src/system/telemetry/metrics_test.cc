#include "system/telemetry/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace slipway::telemetry {
namespace {

using namespace std::chrono_literals;

TEST(Counter, SumsWhatAllThreadsAdded) {
  Counter counter;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) counter.add();
    });
  threads.clear();
  EXPECT_EQ(counter.value(), 4000u);
}

TEST(Histogram, PutsATimeOnItsBoundIntoThatBucket) {
  Histogram histogram;
  histogram.observe(1us);
  histogram.observe(1001ns);
  histogram.observe(1h);
  histogram.observe(-1s);
  const auto snapshot = histogram.snapshot();
  EXPECT_EQ(snapshot.buckets[0], 2u);
  EXPECT_EQ(snapshot.buckets[1], 1u);
  EXPECT_EQ(snapshot.buckets.back(), 1u);
  EXPECT_EQ(snapshot.count, 4u);
}

TEST(Registry, WritesOpenMetrics) {
  Registry registry;
  registry.counter("slipway_test_requests", "Requests answered.", {{"model", "a\"b\n"}}).add(3);
  registry.gauge("slipway_test_size_bytes", "A size.").set(1.5);
  EXPECT_EQ(registry.expose(Form::kOpenMetrics),
            "# TYPE slipway_test_requests counter\n"
            "# HELP slipway_test_requests Requests answered.\n"
            "slipway_test_requests_total{model=\"a\\\"b\\n\"} 3\n"
            "# TYPE slipway_test_size_bytes gauge\n"
            "# UNIT slipway_test_size_bytes bytes\n"
            "# HELP slipway_test_size_bytes A size.\n"
            "slipway_test_size_bytes 1.5\n"
            "# EOF\n");
}

TEST(Registry, WritesPrometheusTextForWhoAsksForIt) {
  Registry registry;
  registry.counter("slipway_test_requests", "Requests.");
  EXPECT_EQ(registry.expose(Form::kPrometheus),
            "# TYPE slipway_test_requests_total counter\n"
            "# HELP slipway_test_requests_total Requests.\n"
            "slipway_test_requests_total 0\n");
}

TEST(Registry, HistogramsAreCumulative) {
  Registry registry;
  auto& histogram = registry.histogram("slipway_test_time_seconds", "Time.", {{"stage", "run"}});
  histogram.observe(2us);
  histogram.observe(20s);
  const std::string text = registry.expose(Form::kOpenMetrics);
  EXPECT_NE(text.find("slipway_test_time_seconds_bucket{stage=\"run\",le=\"2.5e-06\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("slipway_test_time_seconds_bucket{stage=\"run\",le=\"+Inf\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("slipway_test_time_seconds_count{stage=\"run\"} 2\n"), std::string::npos);
}

TEST(Registry, KeepsTheNumberOfSeriesWithinBounds) {
  Registry registry;
  for (size_t i = 0; i < Registry::kMaxSeries + 50; ++i)
    registry.counter("slipway_test_many", "Many.", {{"who", std::to_string(i)}}).add();
  const std::string text = registry.expose(Form::kOpenMetrics);
  EXPECT_NE(text.find("slipway_test_many_total{who=\"other\"} 50\n"), std::string::npos);
}

TEST(Registry, AsksOthersAtEachScrape) {
  Registry registry;
  int value = 1;
  registry.read_from(Registry::Kind::kCounter, "slipway_test_read", "Read.",
                     [&] { return std::vector<Sample>{{{}, double(value)}}; });
  EXPECT_NE(registry.expose(Form::kOpenMetrics).find("slipway_test_read_total 1\n"), std::string::npos);
  value = 2;
  EXPECT_NE(registry.expose(Form::kOpenMetrics).find("slipway_test_read_total 2\n"), std::string::npos);
}

}  // namespace
}  // namespace slipway::telemetry
