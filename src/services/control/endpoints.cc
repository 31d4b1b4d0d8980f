#include "services/control/endpoints.h"

#include <set>

#include "system/runtime/failpoint.h"
#include "values/domain/endpoint_slice.h"

namespace slipway::control {
namespace {

using domain::EndpointSlice;
using domain::ReplicaState;

std::map<std::string, EndpointSlice> slices_of(const domain::Observation& observation) {
  std::map<std::string, EndpointSlice> out;
  const auto of = [&](const std::string& revision, const std::string& deployment) -> EndpointSlice& {
    EndpointSlice& slice = out[revision];
    slice.name = slice.revision = revision;
    slice.deployment = deployment;
    return slice;
  };
  for (const domain::RevisionTold& told : observation.revisions)
    of(told.revision.name, told.revision.deployment);
  for (const domain::ReplicaObserved& replica : observation.replicas)
    of(replica.revision, replica.deployment)
        .endpoints.push_back({.replica = replica.name,
                              .address = replica.address,
                              .ready = replica.state == ReplicaState::kReady,
                              .terminating = replica.state == ReplicaState::kDraining});
  return out;
}

}  // namespace

Status Endpoints::publish(const domain::Observation& observation) {
  const auto wanted = slices_of(observation);
  Status first;
  const auto remember = [&](Status done) {
    if (!done && first) first = std::move(done);
  };
  for (const auto& [revision, slice] : wanted) remember(write(domain::to_object(slice, space_)));
  std::set<std::string> gone;
  for (const auto& [revision, content] : published_)
    if (!wanted.contains(revision)) gone.insert(revision);
  for (const std::string& revision : gone) remember(remove(revision));
  return first;
}

Status Endpoints::write(const domain::Object& object) {
  const std::string& revision = object.key.name;
  const auto known = published_.find(revision);
  if (known != published_.end() && known->second == object.content) return ok();
  FAILPOINT("control.before_endpoints");
  const domain::Cause cause{.actor = {"control/endpoints"}, .reason = "Observed", .request_id = {}};
  auto done = known != published_.end() ? store_.update(object, {}, cause) : store_.create(object, cause);
  if (!done && done.error().code == Code::kConflict) done = store_.update(object, {}, cause);
  if (!done && done.error().code == Code::kNotFound) done = store_.create(object, cause);
  if (!done) return fail(done.error());
  published_[revision] = object.content;
  return ok();
}

Status Endpoints::remove(const std::string& revision) {
  const auto done = store_.remove({domain::Kind::kEndpointSlice, space_, revision}, {},
                                  {.actor = {"control/endpoints"}, .reason = "Removed", .request_id = {}});
  if (!done && done.error().code != Code::kNotFound) return fail(done.error());
  published_.erase(revision);
  return ok();
}

}  // namespace slipway::control
