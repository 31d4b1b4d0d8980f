// The bare model server: loads the models it is told, answers for them over the Open Inference Protocol, and
// goes away without losing a request.
//
//   Server server(options, backends, clock);
//   if (Status started = server.start(); !started) …
//   … until a signal …
//   server.begin_drain();
//   while (!server.drain_step(clock.now())) wait a little;
//
// Threads: all calls from one owner thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/server/drain.h"
#include "services/server/loader.h"
#include "services/server/predictor.h"
#include "system/admin/admin.h"
#include "system/http/router.h"
#include "system/http/server.h"
#include "values/domain/observed.h"

namespace slipway::server {

struct Options {
  std::vector<ModelSource> models;
  http::Address listen;
  std::optional<http::Address> admin;  // without it the admin paths stand on the main listener
  int loops = 1;                       // threads that read, run cheap models and answer
  int workers = 1;                     // threads for dear models
  size_t queue = 256;                  // requests that may wait for a worker
  size_t request_memory = 512 << 20;   // that all requests may hold together
  std::string software_version = "0";
  PredictOptions predict;
  DrainOptions drain;
  http::Limits limits;
};

class Server {
 public:
  Server(Options options, Backends backends, const runtime::Clock& clock);
  ~Server();

  // Both of these.
  Status start();
  // From here on the admin paths answer; others say that models are being loaded.
  Status listen();
  // Loads and warms every model; ready when it returns. One that cannot be served fails it all. As long as it
  // takes: whoever waits knows how long that may be.
  Status load();
  const http::Address& address() const { return main_.address(); }
  const http::Address& admin_address() const { return admin_ ? admin_->address() : main_.address(); }
  const ModelTable& table() const { return *table_.load(); }

  void begin_drain();
  bool drain_step(TimePoint now);  // true: all is answered, or the deadline has passed
  void stop();

  bool ready() const { return ready_.load(); }

 private:
  std::vector<http::Route> model_routes();
  std::vector<http::Route> server_routes();
  std::vector<http::Route> admin_routes();
  void count_http();
  void refuse_for_draining(http::Exchange& exchange) const;
  const LoadedModel* find(http::Exchange& exchange, std::string_view name, std::string_view version) const;
  void metadata(http::Exchange& exchange, const LoadedModel& model) const;
  TimePoint last_arrival() const { return std::max(predictor_.last_arrival(), start_); }
  std::string observed() const;
  std::vector<domain::ObservedRevision> observed_revisions() const;

  Options options_;
  const Backends backends_;
  const runtime::Clock& clock_;
  telemetry::Registry registry_;
  base::Budget budget_;
  std::atomic<const ModelTable*> table_;
  std::vector<std::unique_ptr<const ModelTable>> tables_;  // every one published: readers hold no reference
  runtime::Executor executor_;
  Predictor predictor_;
  http::Router router_;
  http::Server main_;
  std::unique_ptr<admin::AdminServer> admin_;

  std::atomic<bool> started_{false}, ready_{false}, refusing_{false};
  DrainState drain_state_ = DrainState::kAnswering;
  TimePoint drain_started_;
  TimePoint start_;  // idle time counts from here when nothing has arrived
  telemetry::Counter &unknown_model_, &loading_, &draining_;
};

}  // namespace slipway::server
