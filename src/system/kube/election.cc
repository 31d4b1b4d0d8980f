#include "system/kube/election.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipway::kube {
namespace {

using Next = ElectionDecision::Next;

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

TimePoint next_try(const ElectionOptions& options, const Standing& standing) {
  constexpr double kMostJitter = 0.2;
  const auto jitter = std::chrono::duration_cast<Duration>(options.retry * (kMostJitter * standing.jitter));
  return *standing.failed + options.retry + jitter;
}

// When the lease is free for us, as far as we know.
TimePoint free_at(const Standing& standing) {
  const LeaseSeen& seen = *standing.seen;
  // Ours without our knowing: the answer to our write was lost.
  if (seen.holder.empty() || seen.holder == standing.identity) return seen.changed;
  // A lease that somebody removed was held, and its holder may not know yet.
  return seen.changed + seen.duration;
}

std::string why_free(const Standing& standing) {
  const LeaseSeen& seen = *standing.seen;
  if (seen.holder.empty()) return seen.exists ? "nobody holds it" : "it does not exist yet";
  if (seen.holder == standing.identity) return "it was ours already";
  return fmt::format("{} has not renewed it for {:.0f} s", seen.holder, seconds(seen.duration));
}

ElectionDecision decide_as_candidate(const ElectionOptions& options, const Standing& standing,
                                     TimePoint now) {
  if (!standing.seen) return {};
  TimePoint at = free_at(standing);
  if (standing.failed) at = std::max(at, next_try(options, standing));
  if (now < at) return {.until = at};
  return {.next = Next::kAcquire, .why = why_free(standing)};
}

ElectionDecision decide_as_holder(const ElectionOptions& options, const Standing& standing, TimePoint now) {
  const TimePoint deadline = renew_deadline(options, *standing.renewed);
  if (now >= deadline)
    return {.next = Next::kLost,
            .why = fmt::format("it was not renewed within {:.0f} s", seconds(options.renew_deadline))};
  if (standing.seen && !standing.seen->exists) return {.next = Next::kLost, .why = "somebody removed it"};
  if (standing.seen && standing.seen->holder != standing.identity)
    return {.next = Next::kLost,
            .why = standing.seen->holder.empty() ? "somebody released it"
                                                 : fmt::format("{} holds it now", standing.seen->holder)};
  const TimePoint due =
      standing.failed ? next_try(options, standing) : *standing.renewed + options.renew_every;
  if (now >= due) return {.next = Next::kRenew};
  return {.until = std::min(due, deadline)};
}

}  // namespace

TimePoint renew_deadline(const ElectionOptions& options, TimePoint renewed) {
  return renewed + options.renew_deadline;
}

ElectionDecision decide_election(const ElectionOptions& options, const Standing& standing, TimePoint now) {
  return standing.renewed ? decide_as_holder(options, standing, now)
                          : decide_as_candidate(options, standing, now);
}

}  // namespace slipway::kube
