#include "decide/rollout/internal/facts.h"

#include <algorithm>

namespace slipway::rollout {
namespace {

using domain::GatewayRow;
using domain::GatewaySeen;
using domain::ReplicaObserved;
using domain::ReplicaState;

const GatewayRow* row_of(const GatewaySeen& gateway, std::string_view revision) {
  for (const GatewayRow& row : gateway.said.rows)
    if (row.revision == revision) return &row;
  return nullptr;
}

bool shows(const GatewaySeen& gateway, std::string_view revision) {
  const GatewayRow* row = row_of(gateway, revision);
  return gateway.answers && row && row->endpoints > 0;
}

// A gateway that says nothing may still send: that is for the deadline to end.
bool has_let_go(const GatewaySeen& gateway, std::string_view revision) {
  const GatewayRow* row = row_of(gateway, revision);
  return gateway.answers && (!row || (row->weight == 0 && row->in_flight == 0));
}

// A replica that does not answer has nothing that anybody waits for: its callers have gone elsewhere.
bool is_quiet(const ReplicaObserved& replica, Duration quiet) {
  if (replica.state != ReplicaState::kReady && replica.state != ReplicaState::kDraining) return true;
  const auto idle = std::chrono::duration<double>(replica.load.idle_seconds);
  return replica.load.in_flight == 0 && idle >= quiet;
}

void add(Facts& facts, const ReplicaObserved& replica) {
  ++facts.running;
  facts.ready += replica.state == ReplicaState::kReady;
  facts.preparing += replica.state == ReplicaState::kPreparing;
  if (!replica.fault || replica.state == ReplicaState::kReady) return;
  if (!facts.fault || replica.failures > facts.failures) facts.fault = replica.fault;
  facts.failures = std::max(facts.failures, replica.failures);
}

}  // namespace

Facts facts_of(std::string_view revision, const domain::Observation& observation, Duration quiet) {
  Facts facts{.routed = true, .removed = true};
  for (const ReplicaObserved& replica : observation.replicas) {
    if (replica.revision != revision) continue;
    add(facts, replica);
    facts.removed = facts.removed && is_quiet(replica, quiet);
  }
  for (const domain::RevisionTold& told : observation.revisions)
    if (told.revision.name == revision && told.fault && !facts.fault) facts.fault = told.fault;
  for (const GatewaySeen& gateway : observation.gateways) {
    facts.routed = facts.routed && shows(gateway, revision);
    facts.removed = facts.removed && has_let_go(gateway, revision);
  }
  return facts;
}

const GatewaySeen* unreachable(const domain::Observation& observation) {
  const auto at = std::find_if(observation.gateways.begin(), observation.gateways.end(),
                               [](const GatewaySeen& gateway) { return !gateway.answers; });
  return at == observation.gateways.end() ? nullptr : &*at;
}

}  // namespace slipway::rollout
