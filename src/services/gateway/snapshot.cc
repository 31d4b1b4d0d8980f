#include "services/gateway/internal/snapshot.h"

#include <algorithm>

namespace slipway::gateway {

RevisionStats::RevisionStats(telemetry::Registry& registry, const std::string& deployment,
                             const std::string& revision)
    : seconds(registry.histogram("slipway_gateway_request_seconds", "From a request's head to its answer.",
                                 {{"deployment", deployment}, {"revision", revision}})) {
  const auto counter = [&](const std::string& code) {
    return &registry.counter("slipway_gateway_requests", "Requests that were answered.",
                             {{"deployment", deployment}, {"revision", revision}, {"code", code}});
  };
  for (const int status : kStatuses) by_status_.push_back(counter(std::to_string(status)));
  other_ = counter("other");
}

telemetry::Counter& RevisionStats::requests(int status) const {
  const auto at = std::find(std::begin(kStatuses), std::end(kStatuses), status);
  return at == std::end(kStatuses) ? *other_ : *by_status_[static_cast<size_t>(at - std::begin(kStatuses))];
}

}  // namespace slipway::gateway
