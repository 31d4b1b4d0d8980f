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

Action ensure(const RevisionStatus& revision, const RevisionTold* told) {
  const auto because = [&]() -> std::pair<Reason, std::string> {
    if (revision.phase == Phase::kFailed && revision.fault)
      return {revision.fault->reason, revision.fault->message};
    if (!told) return {Reason::kRevisionCreated, "it is new"};
    return {Reason::kScaled, fmt::format("{} replicas instead of {}", revision.desired, told->replicas)};
  };
  auto [why, message] = because();
  return {.kind = ActionKind::kEnsure,
          .revision = revision.revision,
          .replicas = revision.desired,
          .why = why,
          .message = std::move(message)};
}

}  // namespace

std::vector<Action> plan(std::string_view deployment, const domain::ModelDeploymentStatus* status,
                         const domain::Observation& observation) {
  std::vector<Action> out;
  if (status)
    for (const RevisionStatus& revision : status->revisions) {
      const RevisionTold* told = find(observation, revision.revision.name);
      const int has = told ? told->replicas : 0;
      // What has failed gets no more than it has.
      const bool differs =
          revision.phase == Phase::kFailed ? has > revision.desired : has != revision.desired;
      if (differs) out.push_back(ensure(revision, told));
    }
  for (const RevisionTold& told : observation.revisions) {
    if (told.revision.deployment != deployment) continue;
    if (status && status->find(told.revision.name)) continue;
    out.push_back({.kind = ActionKind::kRemove,
                   .revision = told.revision,
                   .why = status ? Reason::kRemoved : Reason::kDeploymentDeleted,
                   .message = status ? "no longer needed" : "its deployment is no longer there"});
  }
  return out;
}

domain::Observation part_of(const domain::Observation& observation, std::string_view deployment) {
  domain::Observation out{.revisions = {}, .replicas = {}, .gateways = observation.gateways};
  std::copy_if(observation.revisions.begin(), observation.revisions.end(), std::back_inserter(out.revisions),
               [&](const RevisionTold& each) { return each.revision.deployment == deployment; });
  std::copy_if(observation.replicas.begin(), observation.replicas.end(), std::back_inserter(out.replicas),
               [&](const domain::ReplicaObserved& each) { return each.deployment == deployment; });
  return out;
}

}  // namespace slipway::reconcile
