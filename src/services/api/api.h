// A store as HTTP: the Kubernetes API protocol for our kinds, so that kubectl and every other client of it
// work as against a cluster.
//
// One choke point: every route declares its permission in one table (routes()), and call() asks `authorize`
// before any handler runs. What is not in the table is refused, after the same question.
//
// Threads: handle() is called on the loops of an http::Server. Reads are answered there; writes and
// everything that takes its time run on the executor; watches are pushed on by whoever writes and sent from
// their loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/store/store.h"
#include "services/api/log_source.h"
#include "system/http/router.h"
#include "system/runtime/clock.h"
#include "system/runtime/executor.h"

namespace slipway::api {

struct Options {
  std::string version;          // what /version shows: "0.1.0"
  std::string limits;           // how replicas are held to their limits here: "cgroup v2"; for people
  size_t body_bytes = 3 << 20;  // of a request
  size_t watches = 10'000;      // open at once; 429 beyond
  Duration bookmark_every = std::chrono::seconds(60);
  Duration watch_limit = std::chrono::minutes(30);  // of a watch that asks for no time-out; up to twice that
  LogSource logs;                                   // of replicas
  bool observed = true;  // false: lists of EndpointSlices and pods wait for set_observed()
};

// Who asks, and whether that one may: kDenied with status 401 is for nobody known, 403 for somebody who may
// not.
struct Refusal {
  int status = 0;
  std::string message;
};
struct Verdict {
  domain::Actor actor;
  Refusal refusal;  // status 0: allowed
};
using Authorize = std::function<Verdict(const base::RequestHead& head, std::string_view permission)>;

class Replicas;
class WatchStreams;

class Api {
 public:
  // `store`, `executor` and `clock` must outlive it, and it the http::Server. stop() must be called, and then
  // the executor stopped, before the server goes: what runs there answers on the server's loops.
  Api(Options options, store::Store& store, runtime::Executor& executor, const runtime::Clock& clock,
      Authorize authorize);
  ~Api();

  void handle(http::Exchange& exchange) const { (*router_)(exchange); }
  // Closes watches whose time is up and sends bookmarks; call about once a second. Any thread.
  void step(TimePoint now);
  // Ends every watch and every log.
  void stop();
  // What runs has been seen and published: from now on an empty list of endpoints means that there are none.
  // Lists and watches of EndpointSlices, and of pods, answer 503 before. Any thread.
  void set_observed() { observed_ = true; }
  bool observed() const { return observed_; }

  // Every route with its permission, for tests of who may do what.
  struct RouteRow {
    base::Method method;
    std::string pattern;
    std::string permission;
  };
  std::vector<RouteRow> routes() const { return rows_; }
  size_t open_watches() const;

 private:
  std::vector<RouteRow> rows_;
  std::atomic<bool> observed_;
  std::unique_ptr<WatchStreams> watches_;
  std::shared_ptr<Replicas> replicas_;
  std::unique_ptr<http::Router> router_;
};

}  // namespace slipway::api
