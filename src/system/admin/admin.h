// The routes by which a process tells probes and scrapers about itself. An AdminServer answers them on a
// thread of its own, so that they answer while every other loop is busy.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "system/http/router.h"
#include "system/http/server.h"
#include "system/telemetry/metrics.h"

namespace slipway::admin {

// Asked from the admin's thread. Each has its own meaning: started = loading has finished, ready = can answer
// now, live = the process makes progress; a probe that restarts must look at `live` alone.
struct Probes {
  std::function<bool()> started, ready, live;
};

// Answers /metrics?replica=NAME in another process's place, now or later: for those whose listener a scraper
// does not reach. Called on the admin's thread, and must not wait there.
using ReplicaMetrics = std::function<void(http::Exchange&, const std::string& replica)>;

// `registry` must outlive whoever answers the routes. Without `replica_metrics` /metrics knows no replicas.
std::vector<http::Route> routes(Probes probes, const telemetry::Registry& registry,
                                ReplicaMetrics replica_metrics = nullptr);

// Offers what the server counts. `server` must outlive whoever scrapes.
void count_http(telemetry::Registry& registry, const http::Server& server);

class AdminServer {
 public:
  AdminServer(http::Address address, std::vector<http::Route> routes, const runtime::Clock& clock);
  Status start() { return server_.start(); }
  void stop() { server_.stop(); }
  const http::Address& address() const { return server_.address(); }

 private:
  http::Router router_;
  http::Server server_;
};

}  // namespace slipway::admin
