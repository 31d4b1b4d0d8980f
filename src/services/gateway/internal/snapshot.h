// What loops send by: the table, and what is counted beside it. Immutable but for the counts; published by
// one thread, taken up by loops when they see a new number.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "decide/route/route.h"
#include "system/runtime/mutex.h"
#include "system/telemetry/metrics.h"

namespace slipway::gateway {

// Of one revision, over all loops. What it counts is shown as long as the revision is in the table: a gateway
// that outlives a thousand of them has room for the next.
struct RevisionStats {
  RevisionStats(telemetry::Registry& registry, const std::string& deployment, const std::string& revision);
  telemetry::Counter& requests(int status);
  void append_requests(const std::string& deployment, const std::string& revision,
                       std::vector<telemetry::Sample>& out) const;

  std::atomic<int64_t> in_flight{0};
  std::atomic<int64_t> last_ns{0};  // when the last request was sent, on the loops' clock; 0: never
  telemetry::Histogram& seconds;    // from a request's head to its answer

 private:
  static constexpr std::array kStatuses{200, 400, 404, 413, 422, 429, 500, 501, 502, 503, 504};
  std::array<telemetry::Counter, kStatuses.size() + 1> by_status_;  // the last: any other
};

struct DeploymentStats {
  std::atomic<int64_t> in_flight{0};
};

struct Entry {
  route::RowPtr row;
  std::shared_ptr<DeploymentStats> stats;
  std::vector<std::shared_ptr<RevisionStats>> revisions;  // as row->revisions
  std::vector<std::string> addresses;                     // resolved, of every revision's endpoints in order
};

struct Snapshot {
  std::map<std::string, Entry, std::less<>> entries;  // by deployment
  bool known = false;  // what is not there does not exist; before, it may only not have come yet
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

std::vector<telemetry::Sample> request_samples(const Snapshot& snapshot);

class Published {  // thread-safe
 public:
  // Moves with each publish(): a loop looks at it before each request, which costs no lock.
  uint64_t number() const { return number_.load(std::memory_order_acquire); }
  SnapshotPtr get() const {
    const runtime::MutexLock lock(mutex_);
    return snapshot_;
  }
  void publish(SnapshotPtr snapshot) {
    const runtime::MutexLock lock(mutex_);
    snapshot_ = std::move(snapshot);
    number_.fetch_add(1, std::memory_order_release);
  }

 private:
  std::atomic<uint64_t> number_{1};
  mutable runtime::Mutex mutex_;
  SnapshotPtr snapshot_ SLIPWAY_GUARDED_BY(mutex_) = std::make_shared<Snapshot>();
};

}  // namespace slipway::gateway
