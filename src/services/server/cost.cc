#include "services/server/cost.h"

#include <algorithm>

namespace slipway::server {

std::optional<Duration> Cost::predict(int64_t rows) const {
  if (!known_.load(std::memory_order_acquire)) return std::nullopt;
  const double ns = fixed_ns_.load(std::memory_order_relaxed) +
                    row_ns_.load(std::memory_order_relaxed) * static_cast<double>(rows);
  return Duration(static_cast<int64_t>(std::min(ns, 1e18)));
}

void Cost::learn(int64_t rows, Duration took) {
  if (learning_.test_and_set(std::memory_order_acquire)) return;
  const auto r = static_cast<double>(rows);
  auto t = static_cast<double>(std::max<int64_t>(took.count(), 1));
  if (const auto expected = predict(rows); expected && n_ > 8)
    t = std::min(t, 4.0 * static_cast<double>(expected->count()) + 1000);
  n_ = n_ * kFade + 1;
  rows_ = rows_ * kFade + r;
  time_ = time_ * kFade + t;
  rows2_ = rows2_ * kFade + r * r;
  rows_time_ = rows_time_ * kFade + r * t;
  // Slope of the fit; with one size of request only, all of the time is taken to grow with the rows.
  const double spread = n_ * rows2_ - rows_ * rows_;
  const bool varied = spread > 0.01 * n_ * rows2_;
  const double slope = varied      ? std::max(0.0, (n_ * rows_time_ - rows_ * time_) / spread)
                       : rows_ > 0 ? time_ / rows_
                                   : 0;
  row_ns_.store(slope, std::memory_order_relaxed);
  fixed_ns_.store(std::max(0.0, (time_ - slope * rows_) / n_), std::memory_order_relaxed);
  known_.store(true, std::memory_order_release);
  learning_.clear(std::memory_order_release);
}

}  // namespace slipway::server
