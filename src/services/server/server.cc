#include "services/server/server.h"

#include "system/runtime/log.h"

namespace slipway::server {

using namespace std::chrono_literals;

constexpr Duration kStuck = 30s;  // a loop without a round for so long is not alive

Server::Server(Options options, Backends backends, const runtime::Clock& clock)
    : options_(std::move(options)),
      backends_(std::move(backends)),
      clock_(clock),
      budget_(options_.request_memory),
      executor_({.name = "worker", .threads = options_.workers, .queue = options_.queue}),
      predictor_(options_.predict, executor_, registry_, clock_),
      router_(model_routes()),
      main_(
          {.address = options_.listen,
           .loops = options_.loops,
           .limits = options_.limits,
           .name = "loop",
           .budget = &budget_},
          [this](http::Exchange& exchange) { router_(exchange); }, clock_),
      start_(clock_.now()),
      unknown_model_(refused(registry_, "unknown_model")),
      loading_(refused(registry_, "loading")),
      draining_(refused(registry_, "draining")) {
  router_.add(server_routes());
  tables_.push_back(std::make_unique<ModelTable>(std::vector<std::unique_ptr<LoadedModel>>{}));
  table_.store(tables_.back().get());
  if (options_.admin)
    admin_ = std::make_unique<admin::AdminServer>(*options_.admin, admin_routes(), clock_);
  else
    router_.add(admin_routes());
  count_http();
}

Server::~Server() { stop(); }

Status Server::start() {
  if (Status listening = listen(); !listening) return listening;
  return load();
}

Status Server::listen() {
  if (Status listening = main_.start(); !listening) return listening;
  return admin_ ? admin_->start() : ok();
}

Status Server::load() {
  std::vector<std::unique_ptr<LoadedModel>> loaded;
  for (const ModelSource& source : options_.models) {
    const TimePoint before = clock_.now();
    auto model = load_model(source, backends_, registry_, clock_);
    if (!model) return fail(model.error());
    const std::chrono::duration<double> took = clock_.now() - before;
    registry_
        .gauge("slipway_server_load_seconds", "Time from the file to a warm model.",
               {{"revision", (*model)->revision}})
        .set(took.count());
    runtime::log::info("server", "model ready",
                       {{"revision", (*model)->revision},
                        {"platform", (*model)->model->info().platform},
                        {"seconds", took.count()}});
    loaded.push_back(std::move(*model));
  }
  registry_.gauge("slipway_server_models", "Revisions that are loaded.")
      .set(static_cast<double>(loaded.size()));
  tables_.push_back(std::make_unique<ModelTable>(std::move(loaded)));
  table_.store(tables_.back().get());
  started_ = ready_ = true;
  return ok();
}

void Server::begin_drain() {
  ready_ = false;
  drain_started_ = clock_.now();
  runtime::log::info("server", "draining", {{"in_flight", predictor_.in_flight()}});
}

bool Server::drain_step(TimePoint now) {
  const DrainView view{.now = now,
                       .started = drain_started_,
                       .last_arrival = last_arrival(),
                       .in_flight = predictor_.in_flight(),
                       .connections = static_cast<int64_t>(main_.counters().open)};
  const DrainState next = next_drain_state(drain_state_, view, options_.drain);
  if (next == drain_state_) return next == DrainState::kDone;
  drain_state_ = next;
  if (next == DrainState::kClosing || next == DrainState::kRefusing) main_.drain();
  if (next == DrainState::kRefusing) refusing_ = true;
  return next == DrainState::kDone;
}

void Server::stop() {
  // Workers first: they answer into the loops, which must still be there.
  executor_.stop();
  main_.stop();
  if (admin_) admin_->stop();
}

std::string Server::observed() const {
  const int64_t in_flight = predictor_.in_flight();
  const std::chrono::duration<double> idle = std::max(clock_.now() - last_arrival(), Duration(0));
  return domain::to_json(domain::Observed{.in_flight = in_flight,
                                          .arrivals = predictor_.arrivals(),
                                          .queued = static_cast<int64_t>(executor_.waiting()),
                                          .idle_seconds = in_flight > 0 ? 0 : idle.count(),
                                          .revisions = observed_revisions()});
}

std::vector<domain::ObservedRevision> Server::observed_revisions() const {
  using domain::RevisionState;
  std::vector<domain::ObservedRevision> out;
  if (!started_) {
    for (const ModelSource& source : options_.models)
      out.push_back({.revision = source.revision,
                     .model = source.name,
                     .version = source.version,
                     .digest = source.expected ? source.expected->str() : "",
                     .state = RevisionState::kLoading});
    return out;
  }
  const RevisionState state = ready_ ? RevisionState::kReady : RevisionState::kDraining;
  for (const auto& model : table().models())
    out.push_back({.revision = model->revision,
                   .model = model->name,
                   .version = model->version,
                   .digest = model->digest.str(),
                   .state = state});
  return out;
}

std::vector<http::Route> Server::admin_routes() {
  auto routes = admin::routes({.started = [this] { return started_.load(); },
                               .ready = [this] { return ready_.load(); },
                               .live = [this] { return clock_.now() - main_.slowest_loop() < kStuck; }},
                              registry_);
  routes.push_back({base::Method::kGet, "/observed", "process.read",
                    [this](http::Exchange& exchange, const http::PathParameters&) {
                      exchange.respond({.body = observed()});
                    }});
  return routes;
}

void Server::count_http() {
  using Kind = telemetry::Registry::Kind;
  admin::count_http(registry_, main_);
  registry_.read_from(Kind::kGauge, "slipway_server_in_flight",
                      "Inference requests that are not answered yet.", [this] {
                        return std::vector<telemetry::Sample>{
                            {.labels = {}, .value = static_cast<double>(predictor_.in_flight())}};
                      });
  registry_.read_from(
      Kind::kGauge, "slipway_server_request_memory_bytes", "What requests hold beyond their kept blocks.",
      [this] {
        return std::vector<telemetry::Sample>{{.labels = {}, .value = static_cast<double>(budget_.used())}};
      });
}

}  // namespace slipway::server
