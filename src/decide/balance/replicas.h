// Which replica gets the next request: the better of two that are drawn, by requests in flight and then by
// latency, without those that were just found broken. Source: Mitzenmacher, "The Power of Two Choices in
// Randomized Load Balancing", 2001. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "values/base/time.h"

namespace slipway::balance {

struct Replica {
  int in_flight = 0;
  double latency_seconds = 0;  // a moving average; 0: not known yet
  int failures = 0;            // in a row
  TimePoint broken_at;         // the last time that it was found so
  TimePoint out_until;         // left out before that
};

inline constexpr size_t kNone = static_cast<size_t>(-1);

// `random`: 64 fresh bits. `exclude`: one that was tried already, or kNone. Those that are left out are taken
// all the same when there is nobody else: a wrong suspicion must not refuse what could be answered. Then it
// is the one that was found broken longest ago, so that tries that follow each other reach all. kNone when
// there is nobody but `exclude`.
size_t pick(std::span<const Replica* const> replicas, size_t exclude, uint64_t random, TimePoint now);

// Whether `a` is the better one for another try: not left out, or found broken longer ago.
bool is_sooner(const Replica& a, const Replica& b, TimePoint now);

// What came of it. Broken: refused, or gone before an answer began.
void begin(Replica& replica);
void end_well(Replica& replica, Duration latency);
void end_broken(Replica& replica, TimePoint now);  // left out for 0.1 s, doubled each time, at most 10 s
void end_otherwise(Replica& replica);              // says nothing of the replica: the caller went away

}  // namespace slipway::balance
