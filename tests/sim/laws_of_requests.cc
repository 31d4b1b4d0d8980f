// Laws of requests and gateways, and what is left when everything has come to rest.
#include <algorithm>

#include "tests/sim/laws.h"
#include "values/domain/endpoint_slice.h"

namespace slipway::sim {
namespace {

using domain::Phase;
using domain::RevisionStatus;
using namespace std::chrono_literals;

constexpr Duration kReadyLately = 2s;  // control looks once a second
constexpr Duration kLookAgain = 3s;    // a gateway whose watch broke off looks again, and is told a list

}  // namespace

void Laws::row_changed(const route::Row& row) {
  for (const route::Revision& revision : row.revisions)
    for (const domain::Endpoint& endpoint : revision.endpoints)
      if (!parts_.place.was_ready(endpoint.replica))
        parts_.trace.broken("{} would get requests and was never ready", endpoint.replica);
}

void Laws::replica_struck(const environment::FakeProcess& process) {
  const auto at = lives_.find(process.revision.deployment);
  if (at == lives_.end()) return;
  at->second.excused = true;
  at->second.well_since.reset();
}

void Laws::everything_struck() {
  for (auto& [name, life] : lives_) {
    life.excused = true;
    life.well_since.reset();
  }
}

// Without any, gateways go by those that they knew.
bool Laws::has_weights(const domain::ModelDeployment& deployment) {
  return std::any_of(deployment.status.revisions.begin(), deployment.status.revisions.end(),
                     [](const RevisionStatus& each) { return each.weight > 0; });
}

void Laws::answered(const Gateway& gateway, const std::string& deployment, const Target& target,
                    TimePoint known) {
  ++counts_.requests;
  const auto at = lives_.find(deployment);
  if (at == lives_.end()) return parts_.trace.broken("{} was never there and answers", deployment);
  DeploymentLife& life = at->second;
  counts_.guarded += !life.excused;
  if (const int64_t before = std::exchange(life.failures, 0); before > 0)
    parts_.trace.happened("requests to {} are answered again, after {} that failed", deployment, before);
  const auto revision = life.revisions.find(target.revision);
  if (revision == life.revisions.end())
    return parts_.trace.broken("{} answers and was never decided on", target.revision);
  if (revision->second.weight > 0 || !has_weights(life.now)) return;
  const TimePoint oldest = known - late - kLookAgain;
  if (life.weighed_since >= oldest) return;
  if (!revision->second.weighed || *revision->second.weighed < oldest)
    parts_.trace.broken("{} answers by {} and was not to get requests", target.revision, gateway.name());
}

void Laws::failed(const Failure& failure) {
  ++counts_.requests;
  ++counts_.failures;
  const auto at = lives_.find(failure.deployment);
  if (at == lives_.end() || at->second.gone) return;
  if (at->second.failures++ == 0)
    parts_.trace.happened("requests to {} by {} fail: {}", failure.deployment, failure.gateway.name(),
                          failure.why);
  const route::Row* row = failure.gateway.up() ? failure.gateway.row(failure.deployment) : nullptr;
  for (const route::Revision& revision : row ? row->revisions : std::vector<route::Revision>{})
    for (const domain::Endpoint& endpoint : revision.endpoints)
      if (failure.victims == 0 && revision.share > 0 && parts_.place.can_answer(endpoint.address))
        parts_.trace.broken("a request to {} by {} failed ({}), and {} answers", failure.deployment,
                            failure.gateway.name(), failure.why, endpoint.replica);
  if (!at->second.excused && failure.victims == 0)
    parts_.trace.broken("a request to {} by {} failed ({}), and no replica of it was struck",
                        failure.deployment, failure.gateway.name(), failure.why);
}

bool Laws::was_ready_lately(const std::string& revision) {
  if (ready(revision) > 0) return true;
  const auto at = ready_lately_.find(revision);
  // What says nothing counts as ready until whoever looks has looked for long enough.
  if (is_silent(revision)) return true;
  return at != ready_lately_.end() && parts_.time.now() - at->second <= kReadyLately;
}

bool Laws::is_silent(const std::string& revision) {
  const auto& processes = parts_.place.processes();
  return std::any_of(processes.begin(), processes.end(), [&](const auto& each) {
    return each.second.revision.name == revision && each.second.hangs(parts_.time.now());
  });
}

int Laws::ready(const std::string& revision) {
  int out = 0;
  const std::string begin = revision + "-";
  const auto& processes = parts_.place.processes();
  for (auto at = processes.lower_bound(begin); at != processes.end() && at->first.starts_with(begin); ++at)
    out += at->second.ready(parts_.time.now());
  return out;
}

// All that should answer does, and every gateway knows it.
bool Laws::is_well(DeploymentLife& life) {
  if (life.now.spec.replicas == 0) return false;
  const RevisionStatus* stable = life.now.status.stable();
  if (!stable || ready(stable->revision.name) < std::max(1, life.now.spec.replicas)) return false;
  return std::all_of(parts_.gateways.begin(), parts_.gateways.end(), [&](const auto& gateway) {
    if (!gateway->synced() || gateway->alone_since()) return false;
    const route::Row* row = gateway->row(life.now.name);
    const route::Revision* known = row ? row->find(stable->revision.name) : nullptr;
    return known && known->weight == stable->weight &&
           static_cast<int>(known->endpoints.size()) >= life.now.spec.replicas;
  });
}

// Lists may be late, but not for ever.
void Laws::check_gateways() {
  const TimePoint now = parts_.time.now();
  const Duration bound = late + kLookAgain + 1s;
  if (!parts_.control.observed() || now - control_began_ < bound || now - changed_ < bound ||
      now - disturbed_at_ < bound)
    return;
  std::vector<store::ObjectPtr> slices;
  bool listed = false;
  for (const auto& gateway : parts_.gateways) {
    if (!gateway->contact_for(bound)) continue;
    if (!std::exchange(listed, true)) slices = parts_.disk.list(domain::Kind::kEndpointSlice, {})->items;
    if (!gateway->knows_slices(slices))
      parts_.trace.broken("{} does not know where replicas answer", gateway->name());
    for (const auto& [name, life] : lives_) {
      const bool knows =
          life.gone ? gateway->row(name) == nullptr : gateway->knows(name, life.now.resource_version);
      if (!knows) parts_.trace.broken("{} does not know what became of {}", gateway->name(), name);
    }
  }
}

std::string Laws::unsettled() {
  take_in();
  if (!parts_.control.observed()) return "control has not looked";
  std::map<std::string, int> wanted;
  for (const auto& [name, life] : lives_) {
    if (life.gone) continue;
    if (std::string why = unsettled(life); !why.empty()) return fmt::format("{}: {}", name, why);
    for (const RevisionStatus& revision : life.now.status.revisions)
      wanted[revision.revision.name] = revision.desired;
  }
  for (const auto& [name, told] : parts_.place.told()) {
    const auto at = wanted.find(name);
    if (at == wanted.end() || told.replicas != at->second)
      return fmt::format("{} is still told to run", name);
  }
  std::map<std::string, int> running;
  for (const auto& [address, process] : parts_.place.processes()) ++running[process.revision.name];
  for (const auto& [name, number] : running)
    if (!wanted.contains(name) || wanted[name] != number)
      return fmt::format("{} replicas of {} run", number, name);
  const auto slices = parts_.disk.list(domain::Kind::kEndpointSlice, {});
  for (const store::ObjectPtr& slice : slices->items)
    if (!wanted.contains(slice->key.name))
      return fmt::format("endpoints of {} are still there", slice->key.name);
  for (const auto& gateway : parts_.gateways) {
    if (!gateway->synced() || gateway->alone_since())
      return fmt::format("{} is not in touch", gateway->name());
    for (const auto& [name, life] : lives_) {
      const bool knows =
          life.gone ? gateway->row(name) == nullptr : gateway->knows(name, life.now.resource_version);
      if (!knows) return fmt::format("{} does not know {}", gateway->name(), name);
    }
  }
  return {};
}

std::string Laws::unsettled(const DeploymentLife& life) {
  const domain::ModelDeploymentStatus& status = life.now.status;
  if (status.observed_generation != life.now.generation) return "its newest spec has not been seen";
  const auto& processes = parts_.place.processes();
  const auto running = std::count_if(processes.begin(), processes.end(), [&](const auto& each) {
    return each.second.revision.deployment == life.now.name;
  });
  if (status.replicas != running) return "its replicas have not been counted";
  const domain::Condition* is_ready = domain::find_condition(status.conditions, "Ready");
  const bool failed = status.rollout.failed_in == life.now.generation;
  const RevisionStatus* stable = status.stable();
  if (!stable) return "nothing serves";
  if (ready(stable->revision.name) != stable->desired)
    return fmt::format("{} is not ready", stable->revision.name);
  if (!failed && (!is_ready || is_ready->status != domain::ConditionStatus::kTrue))
    return fmt::format("it is not Ready: {}", is_ready ? is_ready->message : "");
  const bool waits = failed && life.now.spec.rollout.on_failure == domain::OnFailure::kPause;
  for (const RevisionStatus& revision : status.revisions) {
    if (&revision == stable || (revision.phase == Phase::kFailed && revision.desired == 0)) continue;
    if (!waits || ready(revision.revision.name) != revision.desired)
      return fmt::format("{} is still {}", revision.revision.name, domain::name(revision.phase));
  }
  return {};
}

}  // namespace slipway::sim
