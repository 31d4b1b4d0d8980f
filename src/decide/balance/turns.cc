#include "decide/balance/turns.h"

#include <algorithm>
#include <numeric>

namespace slipway::balance {

void Turns::set(std::span<const double> shares) {
  if (std::equal(shares.begin(), shares.end(), shares_.begin(), shares_.end())) return;
  shares_.assign(shares.begin(), shares.end());
  credit_.assign(shares.size(), 0);
  sum_ = std::accumulate(shares.begin(), shares.end(), 0.0);
}

size_t Turns::next() {
  size_t best = kNobody;
  for (size_t i = 0; i < shares_.size(); ++i) {
    if (shares_[i] <= 0) continue;
    credit_[i] += shares_[i];
    if (best == kNobody || credit_[i] > credit_[best]) best = i;
  }
  if (best != kNobody) credit_[best] -= sum_;
  return best;
}

}  // namespace slipway::balance
