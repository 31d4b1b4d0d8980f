#include "services/gateway/internal/snapshot.h"

#include <algorithm>

namespace slipway::gateway {

RevisionStats::RevisionStats(telemetry::Registry& registry, const std::string& deployment,
                             const std::string& revision)
    : seconds(registry.histogram("slipway_gateway_request_seconds", "From a request's head to its answer.",
                                 {{"deployment", deployment}, {"revision", revision}})) {}

telemetry::Counter& RevisionStats::requests(int status) {
  const auto at = std::find(kStatuses.begin(), kStatuses.end(), status);
  return by_status_[static_cast<size_t>(at - kStatuses.begin())];
}

void RevisionStats::append_requests(const std::string& deployment, const std::string& revision,
                                    std::vector<telemetry::Sample>& out) const {
  for (size_t i = 0; i < by_status_.size(); ++i) {
    const std::string code = i < kStatuses.size() ? std::to_string(kStatuses[i]) : "other";
    out.push_back({.labels = {{"deployment", deployment}, {"revision", revision}, {"code", code}},
                   .value = static_cast<double>(by_status_[i].value())});
  }
}

std::vector<telemetry::Sample> request_samples(const Snapshot& snapshot) {
  std::vector<telemetry::Sample> out;
  for (const auto& [name, entry] : snapshot.entries)
    for (size_t i = 0; i < entry.revisions.size(); ++i)
      entry.revisions[i]->append_requests(name, entry.row->revisions[i].name, out);
  return out;
}

}  // namespace slipway::gateway
