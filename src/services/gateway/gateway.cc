#include "services/gateway/gateway.h"

#include <thread>

#include "services/gateway/internal/lists.h"
#include "services/gateway/internal/traffic.h"
#include "system/runtime/log.h"
#include "values/json/writer.h"
#include "values/protocol/oip.h"

namespace slipway::gateway {
namespace {

using base::Method;
using http::Exchange;
using http::PathParameters;
using json::Writer;
using namespace std::chrono_literals;

constexpr Duration kStuck = 10s;  // a loop without a round: idle ones wake up more often

void respond_flag(Exchange& exchange, std::string_view name, int status) {
  std::string body;
  Writer(body).object([&](Writer& out) { out.key(name).value(status == 200); });
  exchange.respond({.status = status, .body = body});
}

constexpr int kMostQuiets = 2;  // times of quiet that are waited for it

}  // namespace

Gateway::Gateway(Options options, store::Store& store, const runtime::Clock& clock,
                 std::function<void()> wake)
    : options_(std::move(options)),
      clock_(clock),
      budget_(options_.request_memory),
      lists_(std::make_unique<Lists>(
          ListsOptions{.space = options_.space, .sockets = options_.sockets, .folder = options_.lists}, store,
          registry_, std::move(wake))),
      traffic_(std::make_unique<Traffic>(TrafficOptions{.timeout = options_.timeout}, lists_->published(),
                                         registry_)),
      router_(model_routes()),
      main_(
          {.address = options_.listen,
           .loops = options_.loops,
           .limits = options_.limits,
           .name = "gateway",
           .budget = &budget_},
          [this](Exchange& exchange) { router_(exchange); }, clock) {
  router_.add(own_routes());
  for (const http::Address& address : options_.admin)
    admin_.push_back(std::make_unique<admin::AdminServer>(address, admin_routes(), clock));
  count_http();
}

Gateway::~Gateway() { stop(); }

Status Gateway::start() {
  lists_->load();
  catch_up();
  if (Status listening = main_.start(); !listening) return listening;
  for (const auto& each : admin_)
    if (Status listening = each->start(); !listening) return listening;
  return ok();
}

// What was kept last may be a second old: a gateway that is started again would refuse what was deployed
// within it. Callers wait at the listener meanwhile.
void Gateway::catch_up() {
  const TimePoint end = clock_.now() + options_.catch_up;
  for (TimePoint now = clock_.now(); now < end; now = clock_.now()) {
    lists_->step(now);
    if (!lists_->coming()) return;
    std::this_thread::sleep_for(1ms);
  }
}

TimePoint Gateway::step(TimePoint now) { return lists_->step(now); }

void Gateway::reopen() { lists_->reopen(); }

bool Gateway::is_ready() const { return !draining_ && lists_->known(); }

std::vector<http::Route> Gateway::model_routes() {
  const auto forward = [this](Exchange& exchange, const PathParameters& path) {
    traffic_->handle(exchange, path[0], path[1]);
  };
  std::vector<http::Route> out;
  for (const char* path : {"/v2/models/{model}", "/v2/models/{model}/versions/{version}"}) {
    out.push_back({Method::kPost, fmt::format("{}/infer", path), "models.infer", forward});
    out.push_back({Method::kGet, fmt::format("{}/ready", path), "models.read", forward});
    out.push_back({Method::kGet, path, "models.read", forward});
  }
  return out;
}

std::vector<http::Route> Gateway::own_routes() {
  return {
      {Method::kGet, "/v2/models", "models.read",
       [this](Exchange& exchange, const PathParameters&) { traffic_->list_models(exchange); }},
      {Method::kGet, "/v2", "process.read",
       [this](Exchange& exchange, const PathParameters&) {
         std::string body;
         protocol::append_oip_server_metadata(options_.software_version, body);
         exchange.respond({.body = body});
       }},
      {Method::kGet, "/v2/health/live", "process.read",
       [](Exchange& exchange, const PathParameters&) { respond_flag(exchange, "live", 200); }},
      {Method::kGet, "/v2/health/ready", "process.read",
       [this](Exchange& exchange, const PathParameters&) {
         respond_flag(exchange, "ready", is_ready() ? 200 : 503);
       }},
      {Method::kGet, "/", "process.read",
       [](Exchange& exchange, const PathParameters&) {
         exchange.respond({.body = R"({"status":"alive"})"});
       }},
  };
}

std::vector<http::Route> Gateway::admin_routes() {
  auto routes = admin::routes({.started = [] { return true; },
                               .ready = [this] { return is_ready(); },
                               .live = [this] { return clock_.now() - main_.slowest_loop() < kStuck; }},
                              registry_);
  routes.push_back(
      {Method::kGet, "/observed", "process.read", [this](Exchange& exchange, const PathParameters&) {
         exchange.respond({.body = domain::to_json(lists_->observed(clock_.now()))});
       }});
  return routes;
}

void Gateway::count_http() {
  admin::count_http(registry_, main_);
  const auto gauge = [this](std::string_view name, std::string_view help, std::function<double()> value) {
    registry_.read_from(telemetry::Registry::Kind::kGauge, name, help, [value = std::move(value)] {
      return std::vector<telemetry::Sample>{{.labels = {}, .value = value()}};
    });
  };
  registry_.read_from(telemetry::Registry::Kind::kCounter, "slipway_gateway_requests",
                      "Requests that were answered.",
                      [this] { return request_samples(*lists_->published().get()); });
  gauge("slipway_gateway_in_flight", "Requests that are not answered yet.",
        [this] { return static_cast<double>(traffic_->in_flight()); });
  gauge("slipway_gateway_request_memory_bytes", "What requests hold beyond their kept blocks.",
        [this] { return static_cast<double>(budget_.used()); });
}

void Gateway::begin_drain() {
  draining_ = true;
  drain_started_ = last_request_ = clock_.now();
  requests_seen_ = main_.counters().requests;
  runtime::log::info("gateway", "draining", {{"in_flight", traffic_->in_flight()}});
  main_.keep_no_connection();
}

// Callers that never stop are not waited for: they have been told by each answer to connect anew.
bool Gateway::is_quiet(TimePoint now) {
  const uint64_t requests = main_.counters().requests;
  if (std::exchange(requests_seen_, requests) != requests) last_request_ = now;
  return now - last_request_ >= options_.drain_quiet ||
         now - drain_started_ >= kMostQuiets * options_.drain_quiet;
}

bool Gateway::drain_step(TimePoint now) {
  if (!closing_) {
    if (!is_quiet(now)) return false;
    closing_ = true;
    closing_since_ = now;
    main_.drain();
  }
  if (traffic_->in_flight() == 0 && main_.counters().open == 0) return true;
  return now - closing_since_ >= options_.drain_deadline;
}

void Gateway::stop() {
  main_.stop();
  lists_->keep_files();
  for (const auto& each : admin_) each->stop();
}

}  // namespace slipway::gateway
