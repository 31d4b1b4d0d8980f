#include "services/gateway/internal/traffic.h"

#include <array>

#include "services/gateway/internal/forward.h"
#include "values/json/writer.h"

namespace slipway::gateway {

Traffic::Traffic(TrafficOptions options, const Published& published, telemetry::Registry& registry)
    : options_(options),
      published_(published),
      registry_(registry),
      retries_(registry.counter("slipway_gateway_retries", "Requests that went to another replica.")) {}

LoopState& Traffic::state_of(http::Exchange& exchange) {
  std::shared_ptr<void>& local = exchange.local();
  if (!local) local = std::make_shared<LoopState>(*this, exchange.loop());
  return *static_cast<LoopState*>(local.get());
}

void Traffic::handle(http::Exchange& exchange, std::string_view deployment, std::string_view version) {
  LoopState& state = state_of(exchange);
  state.refresh();
  const Wanted wanted{
      .deployment = deployment, .revision = exchange.head().find("slipway-revision"), .version = version};
  Forward::begin(state.take_forward(), exchange, wanted);
}

void Traffic::list_models(http::Exchange& exchange) {
  const SnapshotPtr snapshot = published_.get();
  std::string body;
  json::Writer(body).object([&](json::Writer& out) {
    out.key("models").begin_array();
    for (const auto& [name, entry] : snapshot->entries) out.value(name);
    out.end_array();
  });
  exchange.respond({.body = body});
}

telemetry::Counter& Traffic::refused(std::string_view reason) {
  return registry_.counter("slipway_gateway_refused", "Requests that were answered by the gateway itself.",
                           {{"reason", std::string(reason)}});
}

void refuse(http::Exchange& exchange, const Refusal& refusal) {
  std::array<base::Header, 2> headers{{{"slipway-refused", refusal.reason}, {"retry-after", "1"}}};
  const bool again = refusal.status == 503 || refusal.status == 429;
  std::string body;
  json::Writer(body).object([&](json::Writer& out) { out.key("error").value(refusal.message); });
  exchange.respond(
      {.status = refusal.status, .headers = std::span(headers).first(again ? 2 : 1), .body = body});
}

}  // namespace slipway::gateway
