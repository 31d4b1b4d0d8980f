// Whose turn it is, by share: smooth weighted round robin. Over any n requests each gets its share of n, give
// or take one for each that takes part: of 1,000 requests, 1 % is 10, not about 10. Source: nginx's upstream
// round robin. One thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace slipway::balance {

class Turns {
 public:
  static constexpr size_t kNobody = static_cast<size_t>(-1);

  // Shares ≥ 0; they need not sum to 1. Other shares than before begin a new round.
  void set(std::span<const double> shares);
  // kNobody when no share is above 0.
  size_t next();

 private:
  std::vector<double> shares_, credit_;
  double sum_ = 0;
};

}  // namespace slipway::balance
