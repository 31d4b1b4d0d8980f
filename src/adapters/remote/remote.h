// The store behind an API of Kubernetes' shape, over the network.
//
// Where no version is given, a write is a read and a PUT that names what was read, tried again when another
// write came between; so that what the port promises to keep is kept. Status is never written with create()
// and update(). The answer to remove() has the version of what was removed: the API does not tell that of its
// end.
//
// Calls wait for as long as Options says; watches outlive their connections, and say nothing meanwhile. Of
// EndpointSlices only those that belong to a deployment are there: a cluster has many others.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "ports/store/store.h"
#include "system/kube/kubeconfig.h"
#include "system/kube/metrics.h"
#include "system/kube/retry.h"
#include "system/runtime/clock.h"
#include "system/runtime/mutex.h"

namespace slipway::remote {

class Clients;

struct Options {
  int timeout_ms = 30'000;        // for connecting, and for each wait for bytes
  size_t idle_connections = 8;    // kept between calls; more are opened while more calls run
  size_t waiting_events = 8'192;  // of a watch; who leaves more waiting is cut off
  Duration longest_wait = std::chrono::seconds(30);  // between the tries of a watch to reach the server again
  // For a server that is behind what a watch has seen, as one of several may be; then it counts as gone back.
  Duration behind_wait = std::chrono::seconds(15);
  int busy_tries = 4;  // of a call, while the server says that it is too busy, and when to come again
  // As what writes are known to the server; empty: by their cause's reason, which our own keeps in its audit
  // log. A cluster keeps for each object which manager wrote which field: there it should be one.
  std::string field_manager;
  kube::ApiMetrics* metrics = nullptr;  // may be null; outlives the store and its watches
};

class Remote final : public store::Store {
 public:
  // `clock` must outlive it and its watches. Connects at the first call.
  Remote(kube::Access access, const runtime::Clock& clock, Options options = {});
  ~Remote() override;

  Result<store::ObjectPtr> get(const store::ObjectKey& key) const override;
  // With a namespace and no object to go on behind, a limit is the server's; else all is read and cut here.
  Result<store::Listing> list(store::Kind kind, const store::ListOptions& options) const override;
  // Does not wait for the server: what it refuses is said by the first that is taken.
  Result<std::unique_ptr<store::Watch>> watch(store::Kind kind, const store::WatchOptions& options) override;

  Result<store::ObjectPtr> create(store::Object object, const store::Cause& cause) override;
  Result<store::ObjectPtr> update(store::Object object, const store::Precondition& seen,
                                  const store::Cause& cause) override;
  Result<store::ObjectPtr> update_status(const store::ObjectKey& key, std::string status,
                                         const store::Precondition& seen, const store::Cause& cause) override;
  Result<store::ObjectPtr> remove(const store::ObjectKey& key, const store::Precondition& seen,
                                  const store::Cause& cause) override;

  // Ends the calls that wait, and all that come later, with kUnavailable. Watches are their owners' to end.
  void interrupt();

 private:
  std::string manager_of(const store::Cause& cause) const;

  const kube::Access access_;
  const runtime::Clock& clock_;
  const Options options_;
  const std::unique_ptr<Clients> clients_;
  runtime::Mutex mutex_;
  // How watches of the same objects have fared, one after the other.
  std::map<std::pair<store::Kind, std::string>, std::shared_ptr<kube::RetryRow>> rows_
      SLIPWAY_GUARDED_BY(mutex_);
};

}  // namespace slipway::remote
