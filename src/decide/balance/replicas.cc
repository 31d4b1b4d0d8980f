#include "decide/balance/replicas.h"

#include <algorithm>

namespace slipway::balance {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFirstOut = 100ms, kLongestOut = 10s;
constexpr double kNew = 0.1;  // the part that the newest latency has in the average

bool better(const Replica& a, const Replica& b) {
  if (a.in_flight != b.in_flight) return a.in_flight < b.in_flight;
  return a.latency_seconds < b.latency_seconds;
}

// The n-th of those that count, when they are numbered from the front.
template <class Counts>
size_t nth(std::span<const Replica* const> replicas, size_t n, Counts counts) {
  for (size_t i = 0; i < replicas.size(); ++i)
    if (counts(i) && n-- == 0) return i;
  return kNone;
}

template <class Counts>
size_t better_of_two(std::span<const Replica* const> replicas, uint64_t random, Counts counts) {
  size_t number = 0;
  for (size_t i = 0; i < replicas.size(); ++i) number += counts(i);
  if (number == 0) return kNone;
  const size_t one = static_cast<size_t>(random & 0xFFFFFFFF) % number;
  if (number == 1) return nth(replicas, 0, counts);
  size_t other = static_cast<size_t>(random >> 32) % (number - 1);
  if (other >= one) ++other;
  const size_t a = nth(replicas, one, counts), b = nth(replicas, other, counts);
  return better(*replicas[b], *replicas[a]) ? b : a;
}

}  // namespace

bool is_sooner(const Replica& a, const Replica& b, TimePoint now) {
  const bool a_out = a.out_until > now, b_out = b.out_until > now;
  return a_out != b_out ? b_out : a_out && a.broken_at < b.broken_at;
}

size_t pick(std::span<const Replica* const> replicas, size_t exclude, uint64_t random, TimePoint now) {
  size_t out = better_of_two(replicas, random,
                             [&](size_t i) { return i != exclude && replicas[i]->out_until <= now; });
  if (out != kNone) return out;
  for (size_t i = 0; i < replicas.size(); ++i)
    if (i != exclude && (out == kNone || is_sooner(*replicas[i], *replicas[out], now))) out = i;
  return out;
}

void begin(Replica& replica) { ++replica.in_flight; }

void end_well(Replica& replica, Duration latency) {
  --replica.in_flight;
  replica.failures = 0;
  replica.out_until = {};
  const double seconds = std::chrono::duration<double>(latency).count();
  replica.latency_seconds = replica.latency_seconds == 0
                                ? seconds
                                : replica.latency_seconds + kNew * (seconds - replica.latency_seconds);
}

void end_broken(Replica& replica, TimePoint now) {
  --replica.in_flight;
  const Duration out = std::min(kFirstOut * (1 << std::min(replica.failures, 10)), kLongestOut);
  ++replica.failures;
  replica.broken_at = now;
  replica.out_until = now + out;
}

void end_otherwise(Replica& replica) { --replica.in_flight; }

}  // namespace slipway::balance
