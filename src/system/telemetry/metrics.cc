#include "system/telemetry/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "values/base/bug.h"

namespace slipway::telemetry {
namespace {

std::atomic<size_t> g_threads{0};

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

std::string label_text(const Labels& labels, std::string_view extra = "") {
  std::string out;
  for (const Label& label : labels) {
    if (!out.empty()) out += ',';
    out += fmt::format("{}=\"{}\"", label.name, escaped(label.value));
  }
  if (!extra.empty()) out += (out.empty() ? "" : ",") + std::string(extra);
  return out.empty() ? "" : "{" + out + "}";
}

bool same(const Labels& a, const Labels& b) {
  return std::ranges::equal(
      a, b, [](const Label& x, const Label& y) { return x.name == y.name && x.value == y.value; });
}

void append_histogram(std::string_view name, const Labels& labels, const Histogram& histogram,
                      std::string& out) {
  const auto snapshot = histogram.snapshot();
  uint64_t below = 0;
  for (size_t i = 0; i < Histogram::kBoundsNs.size(); ++i) {
    below += snapshot.buckets[i];
    const double bound = static_cast<double>(Histogram::kBoundsNs[i]) / 1e9;
    out += fmt::format("{}_bucket{} {}\n", name, label_text(labels, fmt::format("le=\"{}\"", bound)), below);
  }
  out += fmt::format("{}_bucket{} {}\n", name, label_text(labels, "le=\"+Inf\""), snapshot.count);
  out += fmt::format("{}_sum{} {}\n", name, label_text(labels), snapshot.sum_seconds);
  out += fmt::format("{}_count{} {}\n", name, label_text(labels), snapshot.count);
}

std::string_view type_name(Registry::Kind kind) {
  constexpr std::string_view kNames[] = {"counter", "gauge", "histogram"};
  return kNames[static_cast<int>(kind)];
}

}  // namespace

size_t my_stripe() {
  static thread_local const size_t mine = g_threads.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return mine;
}

uint64_t Counter::value() const {
  uint64_t sum = 0;
  for (const Stripe& stripe : stripes_) sum += stripe.value.load(std::memory_order_relaxed);
  return sum;
}

void Histogram::observe(Duration time) {
  const int64_t ns = std::max<int64_t>(time.count(), 0);
  const auto at = std::lower_bound(kBoundsNs.begin(), kBoundsNs.end(), ns) - kBoundsNs.begin();
  Stripe& mine = stripes_[my_stripe()];
  mine.buckets[static_cast<size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  mine.sum_ns.fetch_add(static_cast<uint64_t>(ns), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot out;
  uint64_t sum_ns = 0;
  for (const Stripe& stripe : stripes_) {
    for (size_t i = 0; i < out.buckets.size(); ++i)
      out.buckets[i] += stripe.buckets[i].load(std::memory_order_relaxed);
    sum_ns += stripe.sum_ns.load(std::memory_order_relaxed);
  }
  for (uint64_t bucket : out.buckets) out.count += bucket;
  out.sum_seconds = static_cast<double>(sum_ns) / 1e9;
  return out;
}

Registry::Family& Registry::family(Kind kind, std::string_view name, std::string_view help) {
  for (const auto& family : families_)
    if (family->name == name) {
      if (family->kind != kind)
        BUG("metric {} is both a {} and a {}", name, type_name(kind), type_name(family->kind));
      return *family;
    }
  families_.push_back(std::make_unique<Family>(
      Family{.name = std::string(name), .help = std::string(help), .kind = kind, .series = {}, .read = {}}));
  families_.back()->series.reserve(kMaxSeries +
                                   1);  // series never move: callers hold references to what they own
  return *families_.back();
}

Registry::Series& Registry::series(Kind kind, std::string_view name, std::string_view help,
                                   const Labels& labels) {
  runtime::MutexLock lock(mutex_);
  Family& into = family(kind, name, help);
  Labels wanted = labels;
  if (into.series.size() >= kMaxSeries)
    for (Label& label : wanted) label.value = "other";
  for (Series& series : into.series)
    if (same(series.labels, wanted)) return series;
  Series made{.labels = std::move(wanted), .counter = {}, .gauge = {}, .histogram = {}};
  if (kind == Kind::kCounter) made.counter = std::make_unique<Counter>();
  if (kind == Kind::kGauge) made.gauge = std::make_unique<Gauge>();
  if (kind == Kind::kHistogram) made.histogram = std::make_unique<Histogram>();
  into.series.push_back(std::move(made));
  return into.series.back();
}

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return *series(Kind::kCounter, name, help, labels).counter;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return *series(Kind::kGauge, name, help, labels).gauge;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, const Labels& labels) {
  return *series(Kind::kHistogram, name, help, labels).histogram;
}

void Registry::read_from(Kind kind, std::string_view name, std::string_view help, Read read) {
  runtime::MutexLock lock(mutex_);
  family(kind, name, help).read = std::move(read);
}

void Registry::expose_family(const Family& family, Form form, std::string& out) {
  const bool counter = family.kind == Kind::kCounter;
  const std::string sample = counter ? family.name + "_total" : family.name;
  const std::string& described = form == Form::kOpenMetrics ? family.name : sample;
  out += fmt::format("# TYPE {} {}\n", described, type_name(family.kind));
  for (std::string_view unit : {"seconds", "bytes"})
    if (form == Form::kOpenMetrics && family.name.ends_with(fmt::format("_{}", unit)))
      out += fmt::format("# UNIT {} {}\n", described, unit);
  out += fmt::format("# HELP {} {}\n", described, escaped(family.help));
  for (const Series& series : family.series) {
    if (series.counter)
      out += fmt::format("{}{} {}\n", sample, label_text(series.labels), series.counter->value());
    if (series.gauge)
      out += fmt::format("{}{} {}\n", sample, label_text(series.labels), series.gauge->value());
    if (series.histogram) append_histogram(sample, series.labels, *series.histogram, out);
  }
  if (!family.read) return;
  for (const Sample& read : family.read())
    out += fmt::format("{}{} {}\n", sample, label_text(read.labels), read.value);
}

std::string Registry::expose(Form form) const {
  runtime::MutexLock lock(mutex_);
  std::string out;
  for (const auto& family : families_) expose_family(*family, form, out);
  if (form == Form::kOpenMetrics) out += "# EOF\n";
  return out;
}

std::string_view content_type(Form form) {
  return form == Form::kOpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                    : "text/plain; version=0.0.4; charset=utf-8";
}

}  // namespace slipway::telemetry
