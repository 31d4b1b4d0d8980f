#include "system/admin/admin.h"

namespace slipway::admin {
namespace {

using http::Exchange;
using http::PathParameters;
using telemetry::Form;

http::RouteHandler probe(std::function<bool()> holds) {
  return [holds = std::move(holds)](Exchange& exchange, const PathParameters&) {
    const bool yes = holds();
    exchange.respond(
        {.status = yes ? 200 : 503, .content_type = "text/plain", .body = yes ? "ok\n" : "no\n"});
  };
}

// The value of replica=… in the query; names need no escapes.
std::string_view replica_of(std::string_view query) {
  constexpr std::string_view kName = "replica=";
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    if (query.substr(0, end).starts_with(kName)) return query.substr(0, end).substr(kName.size());
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

void metrics(Exchange& exchange, const telemetry::Registry& registry) {
  const bool open =
      exchange.head().find("accept").find("application/openmetrics-text") != std::string_view::npos;
  const Form form = open ? Form::kOpenMetrics : Form::kPrometheus;
  exchange.respond({.content_type = telemetry::content_type(form), .body = registry.expose(form)});
}

}  // namespace

std::vector<http::Route> routes(Probes probes, const telemetry::Registry& registry,
                                ReplicaMetrics replica_metrics) {
  using base::Method;
  auto all_metrics = [&registry, of_replica = std::move(replica_metrics)](Exchange& exchange,
                                                                          const PathParameters&) {
    const std::string_view replica = replica_of(exchange.head().query);
    if (replica.empty()) return metrics(exchange, registry);
    if (of_replica) return of_replica(exchange, std::string(replica));
    http::respond_error(exchange, 404, "this process has no replicas; ask without replica=");
  };
  return {{Method::kGet, "/startupz", "process.read", probe(std::move(probes.started))},
          {Method::kGet, "/readyz", "process.read", probe(std::move(probes.ready))},
          {Method::kGet, "/livez", "process.read", probe(std::move(probes.live))},
          {Method::kGet, "/metrics", "process.read", std::move(all_metrics)}};
}

void count_http(telemetry::Registry& registry, const http::Server& server) {
  using Kind = telemetry::Registry::Kind;
  const auto count = [&](Kind kind, std::string_view name, std::string_view help,
                         uint64_t http::Counters::* field) {
    registry.read_from(kind, name, help, [&server, field] {
      return std::vector<telemetry::Sample>{
          {.labels = {}, .value = static_cast<double>(server.counters().*field)}};
    });
  };
  count(Kind::kCounter, "slipway_http_connections", "Connections accepted.", &http::Counters::connections);
  count(Kind::kGauge, "slipway_http_open_connections", "Connections that are open.", &http::Counters::open);
  count(Kind::kCounter, "slipway_http_requests", "Requests answered, of every path.",
        &http::Counters::requests);
  count(Kind::kCounter, "slipway_http_refused", "Requests refused as malformed, too large or too slow.",
        &http::Counters::refused);
  count(Kind::kCounter, "slipway_http_received_bytes", "Bytes received.", &http::Counters::bytes_in);
  count(Kind::kCounter, "slipway_http_sent_bytes", "Bytes sent.", &http::Counters::bytes_out);
}

AdminServer::AdminServer(http::Address address, std::vector<http::Route> routes, const runtime::Clock& clock)
    : router_(std::move(routes)),
      server_(
          {.address = std::move(address), .name = "admin"}, [this](Exchange& exchange) { router_(exchange); },
          clock) {}

}  // namespace slipway::admin
