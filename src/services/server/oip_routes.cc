// The paths of the Open Inference Protocol v2, with the status codes that KServe gives.
#include <array>

#include "services/server/server.h"
#include "values/json/writer.h"

namespace slipway::server {
namespace {

using base::Method;
using http::Exchange;
using http::PathParameters;
using json::Writer;

void respond_flag(Exchange& exchange, std::string_view name, int status) {
  std::string body;
  Writer(body).object([&](Writer& out) { out.key(name).value(status == 200); });
  exchange.respond({.status = status, .body = body});
}

// A gateway takes the request elsewhere.
void turn_away(Exchange& exchange, std::string_view reason, std::string_view body) {
  const std::array<base::Header, 2> headers{{{"slipway-refused", reason}, {"retry-after", "1"}}};
  exchange.respond({.status = 503, .headers = headers, .body = body});
}

}  // namespace

void Server::refuse_for_draining(Exchange& exchange) const {
  draining_.add();
  turn_away(exchange, "draining", R"({"error":"this server is going away; ask another replica"})");
}

// Answers itself when there is no such model, and gives null.
const LoadedModel* Server::find(Exchange& exchange, std::string_view name, std::string_view version) const {
  if (!started_.load(std::memory_order_acquire)) {
    loading_.add();
    turn_away(exchange, "loading", R"({"error":"the models are still being loaded; try again soon"})");
    return nullptr;
  }
  const std::string_view revision = exchange.head().find("slipway-revision");
  const auto found = revision.empty() ? table().find(name, version) : table().find_revision(name, revision);
  if (found) return *found;
  unknown_model_.add();
  http::respond_error(exchange, found.error());
  return nullptr;
}

void Server::metadata(Exchange& exchange, const LoadedModel& model) const {
  std::string body;
  protocol::append_oip_metadata({.model = model.name,
                                 .platform = model.model->info().platform,
                                 .revision = model.revision,
                                 .digest = model.digest.str(),
                                 .versions = table().versions(model),
                                 .signature = model.model->signature()},
                                body);
  const base::Header revision{"slipway-revision", model.revision_header};
  exchange.respond({.headers = std::span(&revision, 1), .body = body});
}

std::vector<http::Route> Server::model_routes() {
  const auto with_model = [this](auto act) {
    return [this, act](Exchange& exchange, const PathParameters& path) {
      if (const LoadedModel* model = find(exchange, path[0], path[1])) act(exchange, *model);
    };
  };
  const auto infer = with_model([this](Exchange& exchange, const LoadedModel& model) {
    if (refusing_.load(std::memory_order_relaxed)) return refuse_for_draining(exchange);
    predictor_.infer(exchange, model);
  });
  const auto show =
      with_model([this](Exchange& exchange, const LoadedModel& model) { metadata(exchange, model); });
  const auto ready = with_model([](Exchange& exchange, const LoadedModel& model) {
    std::string body;
    Writer(body).object([&](Writer& out) { out.key("name").value(model.name).key("ready").value(true); });
    const base::Header revision{"slipway-revision", model.revision_header};
    exchange.respond({.headers = std::span(&revision, 1), .body = body});
  });
  return {
      {Method::kPost, "/v2/models/{model}/infer", "models.infer", infer},
      {Method::kPost, "/v2/models/{model}/versions/{version}/infer", "models.infer", infer},
      {Method::kGet, "/v2/models/{model}/ready", "models.read", ready},
      {Method::kGet, "/v2/models/{model}/versions/{version}/ready", "models.read", ready},
      {Method::kGet, "/v2/models/{model}", "models.read", show},
      {Method::kGet, "/v2/models/{model}/versions/{version}", "models.read", show},
  };
}

std::vector<http::Route> Server::server_routes() {
  return {
      {Method::kGet, "/v2/models", "models.read",
       [this](Exchange& exchange, const PathParameters&) {
         std::string body;
         Writer(body).object([&](Writer& out) { out.key("models").array(std::span(table().names())); });
         exchange.respond({.body = body});
       }},
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
         respond_flag(exchange, "ready", ready_ ? 200 : 503);
       }},
      {Method::kGet, "/", "process.read",
       [](Exchange& exchange, const PathParameters&) {
         exchange.respond({.body = R"({"status":"alive"})"});
       }},
  };
}

}  // namespace slipway::server
