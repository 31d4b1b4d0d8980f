// Metrics that many threads add to without a lock: each value is spread over stripes, a thread adds to its
// own, a scrape sums them. References from a Registry stay valid as long as it lives; make them once, not on
// the request path.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "system/runtime/mutex.h"
#include "values/base/time.h"

namespace slipway::telemetry {

inline constexpr size_t kStripes = 16;
size_t my_stripe();  // of the calling thread

class Counter {
 public:
  void add(uint64_t n = 1) { stripes_[my_stripe()].value.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const;

 private:
  struct alignas(64) Stripe {
    std::atomic<uint64_t> value{0};
  };
  std::array<Stripe, kStripes> stripes_;
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Durations in buckets from 1 µs to 10 s, in steps of 1, 2.5 and 5.
class Histogram {
 public:
  static constexpr std::array<int64_t, 22> kBoundsNs = {
      1'000,         2'500,         5'000,         10'000,        25'000,      50'000,
      100'000,       250'000,       500'000,       1'000'000,     2'500'000,   5'000'000,
      10'000'000,    25'000'000,    50'000'000,    100'000'000,   250'000'000, 500'000'000,
      1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};

  void observe(Duration time);

  struct Snapshot {
    std::array<uint64_t, kBoundsNs.size() + 1> buckets{};  // not cumulative
    uint64_t count = 0;
    double sum_seconds = 0;
  };
  Snapshot snapshot() const;

 private:
  struct alignas(64) Stripe {
    std::array<std::atomic<uint64_t>, kBoundsNs.size() + 1> buckets{};
    std::atomic<uint64_t> sum_ns{0};
  };
  std::array<Stripe, kStripes> stripes_;
};

struct Label {
  std::string name, value;
};
using Labels = std::vector<Label>;

struct Sample {
  Labels labels;
  double value = 0;
};

enum class Form { kPrometheus, kOpenMetrics };

class Registry {  // thread-safe
 public:
  // `name` without _total; `help` is one sentence. The same name and labels give the same metric. Beyond
  // kMaxSeries of one name, further labels share one overflow series labelled "other".
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {});

  // Values that somebody else keeps, asked for at each scrape, on its thread.
  enum class Kind { kCounter, kGauge, kHistogram };
  using Read = std::function<std::vector<Sample>()>;
  void read_from(Kind kind, std::string_view name, std::string_view help, Read read);

  std::string expose(Form form) const;

  static constexpr size_t kMaxSeries = 1000;

 private:
  struct Series {
    Labels labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  struct Family {
    std::string name, help;
    Kind kind;
    std::vector<Series> series;
    Read read;
  };
  Series& series(Kind kind, std::string_view name, std::string_view help, const Labels& labels);
  Family& family(Kind kind, std::string_view name, std::string_view help) SLIPWAY_REQUIRES(mutex_);
  static void expose_family(const Family& family, Form form, std::string& out);

  mutable runtime::Mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_ SLIPWAY_GUARDED_BY(mutex_);
};

std::string_view content_type(Form form);

}  // namespace slipway::telemetry
