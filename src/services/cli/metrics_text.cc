#include "services/cli/metrics_text.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace slipway::cli {
namespace {

constexpr size_t kMaxSamples = 200'000;
constexpr std::string_view kRequests = "slipway_gateway_requests_total",
                           kBuckets = "slipway_gateway_request_seconds_bucket";

// One line, taken from its front.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  std::optional<MetricSample> read() {
    MetricSample out;
    out.name = until("{ ");
    if (out.name.empty()) return std::nullopt;
    if (take('{') && !read_labels(out)) return std::nullopt;
    while (take(' ')) {
    }
    const auto value = number(until(" "));
    if (!value) return std::nullopt;
    out.value = *value;
    return out;
  }

  static std::optional<double> number(std::string_view text) {
    if (text == "+Inf") return std::numeric_limits<double>::infinity();
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string until(std::string_view any) {
    const std::string_view out = rest_.substr(0, rest_.find_first_of(any));
    rest_.remove_prefix(out.size());
    return std::string(out);
  }

  bool read_labels(MetricSample& out) {
    while (!take('}')) {
      const std::string name = until("=}");
      if (name.empty() || !take('=') || !take('"')) return false;
      std::string& value = out.labels[name];
      while (!take('"')) {
        if (rest_.empty()) return false;
        if (take('\\') && rest_.empty()) return false;
        value += rest_.front();
        rest_.remove_prefix(1);
      }
      take(',');
    }
    return true;
  }

  std::string_view rest_;
};

// By deployment: the requests, and the buckets' counts by their bounds.
struct Totals {
  double requests = 0;
  std::map<double, double> buckets;
};

std::map<std::string, Totals> totals_of(const std::vector<MetricSample>& samples) {
  std::map<std::string, Totals> out;
  for (const MetricSample& sample : samples) {
    const auto deployment = sample.labels.find("deployment");
    if (deployment == sample.labels.end()) continue;
    if (sample.name == kRequests) out[deployment->second].requests += sample.value;
    const auto bound = sample.labels.find("le");
    if (sample.name != kBuckets || bound == sample.labels.end()) continue;
    if (const auto le = LineReader::number(bound->second))
      out[deployment->second].buckets[*le] += sample.value;
  }
  return out;
}

double grown(double before, double after) { return after >= before ? after - before : after; }

// In the bucket where the share is reached, as if its requests were spread evenly over it.
std::optional<double> quantile(const std::map<double, double>& cumulative, double share) {
  if (cumulative.empty() || cumulative.rbegin()->second <= 0) return std::nullopt;
  const double wanted = share * cumulative.rbegin()->second;
  double bound = 0, count = 0;
  for (const auto& [le, total] : cumulative) {
    if (total >= wanted) {
      if (le == std::numeric_limits<double>::infinity()) return bound;
      return total > count ? bound + (le - bound) * (wanted - count) / (total - count) : le;
    }
    bound = le;
    count = total;
  }
  return bound;
}

}  // namespace

Result<std::vector<MetricSample>> parse_metrics(std::string_view text) {
  std::vector<MetricSample> out;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    auto sample = LineReader(line).read();
    if (!sample)
      return fail(Code::kInvalid, "line {} of the metrics is none: {}", number, line.substr(0, 80));
    if (out.size() == kMaxSamples) return fail(Code::kTooLarge, "more than {} samples", kMaxSamples);
    out.push_back(std::move(*sample));
  }
  return out;
}

std::map<std::string, Traffic> traffic_between(const std::vector<MetricSample>& before,
                                               const std::vector<MetricSample>& after, Duration time) {
  const auto first = totals_of(before), last = totals_of(after);
  const double seconds = std::max(std::chrono::duration<double>(time).count(), 1e-3);
  std::map<std::string, Traffic> out;
  for (const auto& [deployment, now] : last) {
    const auto known = first.find(deployment);
    const Totals then = known == first.end() ? Totals{} : known->second;
    std::map<double, double> buckets;
    for (const auto& [le, count] : now.buckets) {
      const auto was = then.buckets.find(le);
      buckets[le] = grown(was == then.buckets.end() ? 0 : was->second, count);
    }
    out[deployment] = {.per_second = grown(then.requests, now.requests) / seconds,
                       .p50 = quantile(buckets, 0.5),
                       .p99 = quantile(buckets, 0.99)};
  }
  return out;
}

}  // namespace slipway::cli
