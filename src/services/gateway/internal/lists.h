// What the gateway knows: deployments and endpoint slices, by two watches, with the last complete lists on
// disk. From them the route table, rebuilt a row at a time and published.
//
// Before a watch has brought its whole list, the one on disk stands: an empty list must never mean "not
// looked yet". One thread, but observed() and rows().
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "ports/store/mirror.h"
#include "services/gateway/internal/snapshot.h"
#include "values/domain/observed.h"

namespace slipway::gateway {

struct ListsOptions {
  std::string space;
  std::string sockets;                                    // folder of "<id>.sock"
  std::string folder;                                     // of the two files; empty: none are kept
  Duration coalesce = std::chrono::milliseconds(5);       // changes that come together are one
  Duration keep_every = std::chrono::seconds(1);          // the files are written at most so often
  Duration probe_every = std::chrono::milliseconds(100);  // endpoints that do not connect yet
};

class Lists {
 public:
  Lists(ListsOptions options, store::Store& store, telemetry::Registry& registry, std::function<void()> wake);
  ~Lists();

  // Takes in the files of the last time.
  void load();
  TimePoint step(TimePoint now);
  void reopen();
  // Writes what has not been yet: for who ends in good order.
  void keep_files();

  // Whether there is anything to go by: both lists have come, or lie on disk from the last time. Any thread.
  bool known() const { return known_; }
  bool synced() const { return deployments_.mirror.synced() && slices_.mirror.synced(); }
  // Not all has come, and nothing says that it will not.
  bool coming() const { return watched_ && !synced(); }
  const Published& published() const { return published_; }
  // The rows as they are sent by, any thread.
  domain::GatewayObserved observed(TimePoint now) const;

 private:
  struct Source {
    store::Mirror mirror;
    std::string file;
    std::map<std::string, store::ObjectPtr, std::less<>> from_disk;  // until both mirrors have their lists
    bool to_be_kept = false;
  };
  const std::map<std::string, store::ObjectPtr, std::less<>>& objects(const Source& source) const {
    return live_ ? source.mirror.objects() : source.from_disk;
  }

  bool pull(Source& source, std::set<std::string>& changed);
  void go_live(Source& source, std::set<std::string>& changed);
  void take_in_deployments(const std::set<std::string>& names);
  bool take_in_slices(const std::set<std::string>& names);
  void rebuild(const std::set<std::string>& deployments);
  void publish();
  std::string resolve(const domain::Endpoint& endpoint, int port) const;
  bool probe_all();
  void keep_files(TimePoint now);
  bool load(Source& source, domain::Kind kind);  // false: there is none to go by

  const ListsOptions options_;
  telemetry::Registry& registry_;
  Source deployments_, slices_;
  std::map<std::string, domain::ModelDeployment, std::less<>> parsed_;
  route::Slices by_revision_;
  std::map<std::string, std::string> revision_of_;  // by slice
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::shared_ptr<RevisionStats>, std::less<>> stats_;  // by revision
  std::set<std::string> connected_;                                           // addresses that answered once
  Published published_;
  TimePoint kept_at_, probe_at_, look_at_;
  bool live_ = false;  // both lists are the API's
  bool first_ = true, watched_ = false;
  bool behind_ = false;  // a watch ended because it was too far back: control was started again
  std::atomic<bool> known_{false};
  mutable runtime::Mutex mutex_;
  std::map<std::string, int> connected_of_ SLIPWAY_GUARDED_BY(mutex_);  // by revision
  telemetry::Gauge &deployments_known_, &synced_;
  telemetry::Counter& watch_failures_;
};

}  // namespace slipway::gateway
