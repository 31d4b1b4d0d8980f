// Metrics as a process shows them, read again: how many requests a second, and how long they take. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::cli {

struct MetricSample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;

  bool operator==(const MetricSample&) const = default;
};

// The Prometheus and the OpenMetrics text. kInvalid names the line, kTooLarge beyond 200,000 samples.
Result<std::vector<MetricSample>> parse_metrics(std::string_view text);

// What a deployment had to do between two looks.
struct Traffic {
  double per_second = 0;
  std::optional<double> p50, p99;  // seconds; nothing without requests

  bool operator==(const Traffic&) const = default;
};

// The gateway's requests by deployment, between its metrics as they were and as they are. What counts from
// zero again (it was restarted) counts from zero.
std::map<std::string, Traffic> traffic_between(const std::vector<MetricSample>& before,
                                               const std::vector<MetricSample>& after, Duration time);

}  // namespace slipway::cli
