#include "system/kube/retry.h"

#include <algorithm>

namespace slipway::kube {
namespace {

constexpr Duration kLongestAsked = std::chrono::minutes(5);  // a server that asks for more is mistaken

// first · 2^(failures-1), at most the longest.
Duration backoff(const RetryOptions& options, int failures) {
  constexpr int kMostDoublings = 20;
  Duration wait = options.first;
  for (int i = 1; i < std::min(failures, kMostDoublings) && wait < options.longest; ++i) wait *= 2;
  return std::min(wait, options.longest);
}

Duration part_of(Duration whole, double jitter) {
  return std::chrono::duration_cast<Duration>(whole * jitter);
}

}  // namespace

RetryDecision decide_retry(const RetryOptions& options, const StreamEnd& end, int failures, double jitter,
                           TimePoint now) {
  using Next = RetryDecision::Next;
  const Duration lasted = now - end.began;
  const bool healthy = lasted >= options.healthy;
  RetryDecision out;
  if (end.why && end.why->expired()) out.next = Next::kRelist;
  const bool expected = !end.why || out.next == Next::kRelist;
  if (expected && healthy) return out;
  out.failures = healthy ? 1 : failures + 1;
  const Duration pause = part_of(backoff(options, out.failures), jitter);
  out.wait = std::max(pause - (healthy ? Duration::zero() : lasted), Duration::zero());
  if (expected) return out;
  // It is alive and knows when: no sooner than it says, and no later, however long it did not answer before.
  if (end.why->retry_after)
    out.wait = std::min(*end.why->retry_after, kLongestAsked) + part_of(options.first, jitter);
  if (!base::retryable(end.why->error.code)) out.next = Next::kGiveUp;
  return out;
}

}  // namespace slipway::kube
