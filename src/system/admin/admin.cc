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

void metrics(Exchange& exchange, const telemetry::Registry& registry) {
  const bool open =
      exchange.head().find("accept").find("application/openmetrics-text") != std::string_view::npos;
  const Form form = open ? Form::kOpenMetrics : Form::kPrometheus;
  exchange.respond({.content_type = telemetry::content_type(form), .body = registry.expose(form)});
}

}  // namespace

std::vector<http::Route> routes(Probes probes, const telemetry::Registry& registry) {
  using base::Method;
  return {{Method::kGet, "/startupz", "process.read", probe(std::move(probes.started))},
          {Method::kGet, "/readyz", "process.read", probe(std::move(probes.ready))},
          {Method::kGet, "/livez", "process.read", probe(std::move(probes.live))},
          {Method::kGet, "/metrics", "process.read",
           [&registry](Exchange& exchange, const PathParameters&) { metrics(exchange, registry); }}};
}

AdminServer::AdminServer(http::Address address, std::vector<http::Route> routes, const runtime::Clock& clock)
    : router_(std::move(routes)),
      server_(
          {.address = std::move(address), .name = "admin"}, [this](Exchange& exchange) { router_(exchange); },
          clock) {}

}  // namespace slipway::admin
