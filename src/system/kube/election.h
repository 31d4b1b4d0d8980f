// Who of several processes leads: a pure decision over what was seen of a lease, so that every story of
// pauses, lost answers and dead leaders is a short test.
//
// A candidate believes nobody's clock but its own. It takes a lease over when it has seen it unchanged for as
// long as its holder claims; the holder stops some seconds earlier than that, counted from before its last
// write. The two cannot meet as long as clocks run at about the same rate.
#pragma once

#include <optional>
#include <string>

#include "values/base/time.h"

namespace slipway::kube {

struct ElectionOptions {
  Duration duration = std::chrono::seconds(15);        // what a holder claims
  Duration renew_every = std::chrono::seconds(5);      // by the holder
  Duration renew_deadline = std::chrono::seconds(10);  // without a renewal, and it leads no longer
  Duration retry = std::chrono::seconds(2);  // after a try that failed; up to a fifth more, by jitter
};

// A lease as it was last seen.
struct LeaseSeen {
  bool exists = false;
  std::string holder;   // empty: nobody's. Of a lease that is gone: who had it before
  Duration duration{};  // that the holder claims
  TimePoint changed{};  // when it was first seen to be so
  bool operator==(const LeaseSeen&) const = default;
};

struct Standing {
  std::string identity;              // ours
  std::optional<LeaseSeen> seen;     // nothing: not read yet
  std::optional<TimePoint> renewed;  // we hold it: when the last write that said so was sent
  std::optional<TimePoint> failed;   // when the last try ended that changed nothing; void once there is news
  double jitter = 0;                 // in [0, 1), drawn anew with each failure

  bool operator==(const Standing&) const = default;
};

struct ElectionDecision {
  enum class Next {
    kAcquire,  // write the lease with our name, based on what was seen
    kRenew,    // write it again, based on what we wrote
    kWait,     // until `until`, or until there is news
    kLost,     // we held it, and do no longer: for good
  };
  Next next = Next::kWait;
  TimePoint until = TimePoint::max();
  std::string why;  // of kAcquire and kLost, for people

  bool operator==(const ElectionDecision&) const = default;
};

ElectionDecision decide_election(const ElectionOptions& options, const Standing& standing, TimePoint now);

// When we lead no longer, unless we renew before.
TimePoint renew_deadline(const ElectionOptions& options, TimePoint renewed);

}  // namespace slipway::kube
