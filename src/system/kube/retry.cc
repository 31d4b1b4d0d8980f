#include "system/kube/retry.h"

#include <algorithm>

namespace slipway::kube {
namespace {

// Between half and the whole of first · 2^(failures-1), at most the longest.
Duration backoff(const RetryOptions& options, int failures, double jitter) {
  constexpr int kMostDoublings = 20;
  Duration wait = options.first;
  for (int i = 1; i < std::min(failures, kMostDoublings) && wait < options.longest; ++i) wait *= 2;
  wait = std::min(wait, options.longest);
  return wait / 2 + std::chrono::duration_cast<Duration>(wait / 2 * jitter);
}

}  // namespace

RetryDecision decide_retry(const RetryOptions& options, const StreamEnd& end, int failures, double jitter,
                           TimePoint now) {
  using Next = RetryDecision::Next;
  const bool healthy = end.brought_events || now - end.began >= options.healthy;
  RetryDecision out;
  if (end.why && end.why->expired()) out.next = Next::kRelist;
  const bool expected = !end.why || out.next == Next::kRelist;
  if (expected && healthy) return out;
  out.failures = healthy ? 1 : failures + 1;
  out.wait = backoff(options, out.failures, jitter);
  if (expected) return out;
  // It is alive and knows when: no longer than it says, however long it did not answer before.
  if (end.why->retry_after) out.wait = std::max(options.first, *end.why->retry_after);
  if (!base::retryable(end.why->error.code)) out.next = Next::kGiveUp;
  return out;
}

}  // namespace slipway::kube
