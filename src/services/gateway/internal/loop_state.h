// What one loop sends by: its view of the snapshot, its balancing, its connections. No lock, nothing shared
// but counts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "decide/balance/replicas.h"
#include "decide/balance/turns.h"
#include "services/gateway/internal/snapshot.h"
#include "system/http/upstream.h"

namespace slipway::gateway {

class Forward;
class Traffic;

// A replica as this loop knows it; lives on while a request is on its way, whatever becomes of the table.
struct Target {
  http::Address address;
  balance::Replica load;
};

// What a request asks for.
struct Wanted {
  std::string_view deployment;
  std::string_view revision;  // of the header slipway-revision; empty: any
  std::string_view version;   // of the path; empty: any
};

struct Choice {
  std::shared_ptr<Target> target;
  std::shared_ptr<RevisionStats> stats;
  std::shared_ptr<DeploymentStats> deployment;
  const route::Row* row = nullptr;
};

// Why there is nobody to send to, as it is told the caller.
struct Refusal {
  int status = 503;
  std::string reason;  // of the header slipway-refused
  std::string message;
};

class LoopState {
 public:
  LoopState(Traffic& traffic, runtime::EventLoop& loop);
  ~LoopState();

  // Takes the newest snapshot up, when there is a newer one.
  void refresh();
  // Nothing when there is nobody; then `refusal` says why. `tried`: not that one again, and when the caller
  // left it open, another revision where this one has no other replica.
  std::optional<Choice> choose(const Wanted& wanted, const Target* tried, TimePoint now, Refusal& refusal);
  // The row, with no replica; null: no such deployment.
  const Entry* find(std::string_view deployment) const;

  http::Upstreams& upstreams() { return upstreams_; }
  runtime::EventLoop& loop() { return loop_; }
  Traffic& traffic() { return traffic_; }
  std::vector<base::Header>& headers() { return headers_; }  // room for one answer's

  telemetry::Counter& refused(const std::string& reason);

  std::unique_ptr<Forward> take_forward();
  // Kept for good: whoever gives it back may still be in the middle of one of its calls.
  void give_forward(std::unique_ptr<Forward> forward);

 private:
  struct RevisionTargets {
    std::vector<std::shared_ptr<Target>> targets;
    std::vector<const balance::Replica*> loads;
  };
  struct LoopRow {
    const Entry* entry = nullptr;  // in snapshot_
    route::RowPtr row;
    balance::Turns turns;
    std::vector<RevisionTargets> revisions;
  };
  void rebuild(LoopRow& row, const Entry& entry);
  std::shared_ptr<Target> target(const std::string& address);
  void forget_targets();
  std::optional<size_t> revision_for(LoopRow& row, const Wanted& wanted, Refusal& refusal);
  std::shared_ptr<Target> replica_of(const LoopRow& row, size_t revision, const Target* tried, TimePoint now);
  std::shared_ptr<Target> replica_of_any(const LoopRow& row, size_t& revision, const Target* tried,
                                         TimePoint now);

  Traffic& traffic_;
  runtime::EventLoop& loop_;
  http::Upstreams upstreams_;
  uint64_t number_ = 0;
  SnapshotPtr snapshot_;
  std::map<std::string, LoopRow, std::less<>> rows_;
  std::map<std::string, std::shared_ptr<Target>, std::less<>> targets_;
  std::mt19937_64 random_;
  std::vector<base::Header> headers_;
  std::map<std::string, telemetry::Counter*, std::less<>> refused_;  // by reason; there are few
  std::vector<std::unique_ptr<Forward>> spare_;
};

}  // namespace slipway::gateway
