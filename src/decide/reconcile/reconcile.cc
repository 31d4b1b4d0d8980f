#include "decide/reconcile/reconcile.h"

#include <algorithm>

namespace slipway::reconcile {
namespace {

using domain::Action;
using domain::ActionKind;
using domain::Phase;
using domain::Reason;
using domain::RevisionStatus;
using domain::RevisionTold;

const RevisionTold* find(const domain::Observation& observation, std::string_view revision) {
  for (const RevisionTold& told : observation.revisions)
    if (told.revision.name == revision) return &told;
  return nullptr;
}

Action ensure(const Owner& owner, const RevisionStatus& revision, const RevisionTold* told) {
  const auto because = [&]() -> std::pair<Reason, std::string> {
    if (revision.phase == Phase::kFailed && revision.fault)
      return {revision.fault->reason, revision.fault->message};
    if (!told) return {Reason::kRevisionCreated, "it is new"};
    if (told->replicas == revision.desired) return {Reason::kScaled, "it was nobody's, or another's"};
    return {Reason::kScaled, fmt::format("{} replicas instead of {}", revision.desired, told->replicas)};
  };
  auto [why, message] = because();
  return {.kind = ActionKind::kEnsure,
          .revision = revision.revision,
          .replicas = revision.desired,
          .why = why,
          .message = std::move(message),
          .owner = std::string(owner.uid)};
}

}  // namespace

std::vector<Action> plan(const Owner& owner, const domain::ModelDeploymentStatus* status,
                         const domain::Observation& observation) {
  std::vector<Action> out;
  if (status)
    for (const RevisionStatus& revision : status->revisions) {
      const RevisionTold* told = find(observation, revision.revision.name);
      const int has = told ? told->replicas : 0;
      // What has failed, or is on its way out, gets no more than it has.
      const bool ends = revision.phase == Phase::kFailed || revision.phase == Phase::kDraining;
      const bool differs = ends ? has > revision.desired : has != revision.desired;
      const bool orphan = told && told->owner && *told->owner != owner.uid;
      if (differs || orphan) out.push_back(ensure(owner, revision, told));
    }
  for (const RevisionTold& told : observation.revisions) {
    if (told.revision.deployment != owner.name) continue;
    if (status && status->find(told.revision.name)) continue;
    out.push_back({.kind = ActionKind::kRemove,
                   .revision = told.revision,
                   .why = status ? Reason::kRemoved : Reason::kDeploymentDeleted,
                   .message = status ? "no longer needed" : "its deployment is no longer there"});
  }
  return out;
}

Parts::Parts(const domain::Observation& observation) {
  for (const domain::GatewaySeen& gateway : observation.gateways)
    nothing_.gateways.push_back({.name = gateway.name, .answers = gateway.answers, .said = {}});
  for (const RevisionTold& told : observation.revisions)
    part(told.revision.deployment).revisions.push_back(told);
  for (const domain::ReplicaObserved& replica : observation.replicas)
    part(replica.deployment).replicas.push_back(replica);
  for (size_t i = 0; i < observation.gateways.size(); ++i)
    for (const domain::GatewayRow& row : observation.gateways[i].said.rows)
      part(row.deployment).gateways[i].said.rows.push_back(row);
}

domain::Observation& Parts::part(const std::string& deployment) {
  return parts_.try_emplace(deployment, nothing_).first->second;
}

const domain::Observation& Parts::of(std::string_view deployment) const {
  const auto at = parts_.find(deployment);
  return at == parts_.end() ? nothing_ : at->second;
}

bool same_at_rest(const domain::Observation& before, const domain::Observation& now) {
  return before.revisions == now.revisions &&
         std::ranges::equal(before.replicas, now.replicas,
                            [](const domain::ReplicaObserved& a, const domain::ReplicaObserved& b) {
                              return a.name == b.name && a.state == b.state && a.failures == b.failures &&
                                     a.fault == b.fault;
                            });
}

}  // namespace slipway::reconcile
