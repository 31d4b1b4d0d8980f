#include "services/api/internal/replicas.h"

#include <algorithm>

#include "services/api/internal/pods.h"

namespace slipway::api {
namespace {

constexpr std::string_view kSpace = "default";  // the one that one machine has

std::optional<View> view_of(const http::Exchange& exchange, const Parameters& parameters) {
  return choose_view(exchange.head().find("accept"), parameters.get("includeObject"));
}

Failure no_watch() {
  return {.code = 405,
          .reason = "MethodNotAllowed",
          .message =
              "pods cannot be watched here: they are replicas of this machine; watch modeldeployments or "
              "endpointslices",
          .kind = "pods"};
}

}  // namespace

std::vector<domain::ReplicaObserved> Replicas::all(const std::string& space) const {
  const bool ours = space.empty() || space == kSpace;
  return ours && source_.replicas ? source_.replicas() : std::vector<domain::ReplicaObserved>{};
}

void Replicas::list(http::Exchange& exchange, const std::string& space) const {
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  const auto view = view_of(exchange, *parameters);
  if (!view) return respond(exchange, not_acceptable());
  const auto query = parse_list_query(*parameters);
  if (!query) return respond(exchange, query.error());
  if (query->watch) return respond(exchange, no_watch());
  if (!observed_) return respond(exchange, not_observed(pod_definition()));
  const auto pods = select_pods(all(space), std::string(kSpace), *query);
  if (!pods) return respond(exchange, pods.error());
  respond_json(exchange, 200, encode_pods(*pods, Asked::kList, *view, clock_.wall()));
}

void Replicas::get(http::Exchange& exchange, const std::string& space, const std::string& name) const {
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  const auto view = view_of(exchange, *parameters);
  if (!view) return respond(exchange, not_acceptable());
  for (const domain::ReplicaObserved& replica : all(space))
    if (replica.name == name)
      return respond_json(exchange, 200,
                          encode_pods({to_pod(replica, space)}, Asked::kOne, *view, clock_.wall()));
  respond(exchange, observed_ ? not_found(pod_definition(), name) : not_observed(pod_definition()));
}

void Replicas::log(http::Exchange& exchange, const std::string& space, const std::string& name) {
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  if (space != kSpace || !is_replica_name(name)) return respond(exchange, not_found(pod_definition(), name));
  auto query = parse_log_query(*parameters, name, clock_.wall());
  if (!query) return respond(exchange, query.error());
  streams_.answer(exchange, std::move(*query));
}

}  // namespace slipway::api
