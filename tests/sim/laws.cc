// Laws of what control writes and tells.
#include "tests/sim/laws.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace slipway::sim {
namespace {

using domain::ModelDeployment;
using domain::Phase;
using domain::RevisionStatus;
using domain::RolloutStep;
using namespace std::chrono_literals;

constexpr Duration kGrace = 30s;  // of the deadline, after control has started
constexpr Duration kSlack = 5s;   // for control to see and do what is due
constexpr Duration kAlone = 15s;  // then a gateway may have missed a change

bool is_candidate(const RevisionStatus& revision) {
  return revision.phase == Phase::kLoading || revision.phase == Phase::kShifting;
}

std::optional<Duration> hold_of(const domain::ModelDeploymentSpec& spec, int weight) {
  if (spec.rollout.strategy == domain::Strategy::kImmediate) return std::nullopt;
  for (const RolloutStep& step : spec.rollout.steps)
    if (step.weight == weight) return step.hold;
  return std::nullopt;
}

}  // namespace

std::string short_name(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto is_hex = [&](size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    };
    size_t end = i + 1;
    while (text[i] == '-' && is_hex(end)) ++end;
    if (end - i == 9)
      i = end - 1;
    else
      out += text[i];
  }
  return out;
}

Laws::Laws(Parts parts) : parts_(parts) {
  watch_ = std::move(*parts_.disk.watch(domain::Kind::kModelDeployment, {}));
  slices_ = std::move(*parts_.disk.watch(domain::Kind::kEndpointSlice, {}));
  events_ = std::move(*parts_.disk.watch(domain::Kind::kEvent, {}));
}

const ModelDeployment* Laws::find(const std::string& name) const {
  const auto at = lives_.find(name);
  return at == lives_.end() || at->second.gone ? nullptr : &at->second.now;
}

void Laws::take_in() {
  while (auto event = *watch_->try_next())
    if (event->change != store::Change::kListed) written(*event);
  while (auto event = *slices_->try_next()) changed_ = parts_.time.now();
  while (auto event = *events_->try_next()) {
    if (event->change == store::Change::kListed || event->change == store::Change::kDeleted) continue;
    if (!parts_.trace.keeps(Trace::Keep::kDecisions)) continue;
    const auto content = json::parse_document(event->object->content);
    parts_.trace.decided("{}: {}: {}", content->at("involvedObject").at("name").get<std::string>(),
                         content->at("reason").get<std::string>(),
                         short_name(content->at("message").get<std::string>()));
  }
}

void Laws::written(const store::Event& event) {
  const TimePoint now = parts_.time.now();
  changed_ = now;
  DeploymentLife& life = lives_[event.object->key.name];
  if (event.change == store::Change::kDeleted) {
    life.gone = now;
    for (auto& [name, revision] : life.revisions) {
      if (revision.weight > 0) revision.weighed = now;
      revision.weight = 0;
    }
    return;
  }
  const ModelDeployment before = std::move(life.now);
  life.now = *domain::parse_model_deployment(*event.object);
  if (event.change == store::Change::kAdded) {
    life.gone.reset();
    life.weighed = false;
    life.excused = true;
    for (auto& [name, revision] : life.revisions) revision.failed_in = 0;
    life.spec_changed = life.went_forward = now;
    life.sizes = {life.now.spec.replicas};
    return;
  }
  if (before.generation != life.now.generation) {
    life.spec_changed = now;
    if (life.sizes.back() != life.now.spec.replicas) life.sizes.push_back(life.now.spec.replicas);
    if (life.now.spec.replicas == 0) life.excused = true;
  }
  if (before.status != life.now.status) status_written(life, before);
}

void Laws::status_written(DeploymentLife& life, const ModelDeployment& before) {
  ++counts_.status_writes;
  if (life.now.status.revisions.empty() && !before.status.revisions.empty()) {
    life.weighed = false;  // somebody took it away, and with it what was known
    life.excused = true;
    for (auto& [name, revision] : life.revisions) revision.failed_in = 0;
  }
  check_weights(life);
  check_phases(life);
  check_raise(life, before);
  check_failed(life, before);
  remember(life, before);
  show(life, before);
}

void Laws::check_weights(const DeploymentLife& life) {
  int sum = 0;
  for (const RevisionStatus& revision : life.now.status.revisions) {
    sum += revision.weight;
    if (revision.weight < 0 || revision.weight > 100)
      parts_.trace.broken("{} has weight {}", revision.revision.name, revision.weight);
  }
  if (sum != 100 && sum != 0) parts_.trace.broken("weights of {} sum to {}", life.now.name, sum);
  if (sum == 0 && life.weighed) parts_.trace.broken("{} had weights and has none any more", life.now.name);
}

void Laws::check_phases(const DeploymentLife& life) {
  int serving = 0, coming = 0;
  for (const RevisionStatus& revision : life.now.status.revisions) {
    serving += revision.phase == Phase::kServing;
    coming += is_candidate(revision);
  }
  if (serving > 1 || coming > 1)
    parts_.trace.broken("{} has {} stable and {} coming revisions", life.now.name, serving, coming);
}

// Only what is ready gets more.
void Laws::check_raise(DeploymentLife& life, const ModelDeployment& before) {
  for (const RevisionStatus& revision : life.now.status.revisions) {
    const RevisionStatus* was = before.status.find(revision.revision.name);
    if (revision.weight <= (was ? was->weight : 0)) continue;
    const bool was_stable = was && was->phase == Phase::kServing;
    if (!was_stable && life.now.status.desired_replicas > 0 && !was_ready_lately(revision.revision.name))
      parts_.trace.broken("{} gets {} % and is not ready", revision.revision.name, revision.weight);
    if (was && is_candidate(*was) && was->weight > 0)
      check_hold(life, *was, life.revisions[revision.revision.name]);
  }
}

void Laws::check_hold(const DeploymentLife& life, const RevisionStatus& was, const RevisionLife& coming) {
  if (life.spec_changed >= coming.raised || life.now.status.desired_replicas == 0) return;
  const auto hold = hold_of(life.now.spec, was.weight);
  const Duration held = parts_.time.now() - coming.raised;
  if (hold && held < *hold - 2ms)
    parts_.trace.broken("{} was held at {} % for {} ms, not for {} ms", was.revision.name, was.weight,
                        held / 1ms, *hold / 1ms);
}

void Laws::check_failed(DeploymentLife& life, const ModelDeployment& before) {
  const int64_t generation = life.now.generation;
  const bool failed = life.now.status.rollout.failed_in == generation;
  for (const RevisionStatus& revision : life.now.status.revisions) {
    RevisionLife& known = life.revisions[revision.revision.name];
    if (revision.phase == Phase::kFailed && failed) known.failed_in = generation;
    if (known.failed_in == generation && is_candidate(revision))
      parts_.trace.broken("{} has failed and is tried again before the spec changed", revision.revision.name);
    const RevisionStatus* was = before.status.find(revision.revision.name);
    const bool waits = before.status.rollout.failed_in == generation && before.generation == generation;
    if (waits && is_candidate(revision) && was && revision.weight != was->weight &&
        life.now.spec.replicas > 0)
      parts_.trace.broken("{} has failed, waits for people, and moves", revision.revision.name);
  }
}

void Laws::remember(DeploymentLife& life, const ModelDeployment& before) {
  const TimePoint now = parts_.time.now();
  const bool had_weights = has_weights(before);
  for (auto& [name, known] : life.revisions) {
    const RevisionStatus* revision = life.now.status.find(name);
    if (known.weight > 0) known.weighed = now;
    if (!revision) known.weight = 0;
  }
  for (const RevisionStatus& revision : life.now.status.revisions) {
    RevisionLife& known = life.revisions[revision.revision.name];
    if (revision.weight > known.weight) known.raised = now;
    known.weight = revision.weight;
    if (revision.weight > 0 && !had_weights) life.weighed_since = now;
    life.weighed = life.weighed || revision.weight > 0;
    if (!is_candidate(revision)) continue;
    const RevisionStatus* was = before.status.find(revision.revision.name);
    const bool moved =
        !was || !is_candidate(*was) || revision.ready > was->ready || revision.weight > was->weight;
    if (moved || before.generation != life.now.generation ||
        before.status.observed_generation != life.now.status.observed_generation)
      life.went_forward = now;
  }
}

void Laws::applied(const domain::Action& action) {
  take_in();
  ++counts_.actions;
  const int told = std::exchange(told_[action.revision.name], action.replicas);
  if (action.kind == domain::ActionKind::kRemove) told_.erase(action.revision.name);
  const auto at = lives_.find(action.revision.deployment);
  if (at == lives_.end() || at->second.gone) return;
  const DeploymentLife& life = at->second;
  const bool more = action.kind == domain::ActionKind::kEnsure && action.replicas > told;
  const auto known = life.revisions.find(action.revision.name);
  const bool failed = known != life.revisions.end() && known->second.failed_in == life.now.generation;
  if (more && failed) parts_.trace.broken("{} has failed and is started again", action.revision.name);
  if (!more && action.replicas < told) check_capacity(life, action, told);
}

// What serves becomes smaller only by its spec; what goes, when nobody sends to it.
void Laws::check_capacity(const DeploymentLife& life, const domain::Action& action, int told) {
  const RevisionStatus* revision = life.now.status.find(action.revision.name);
  const bool serves = revision && (revision->weight > 0 || revision->phase == Phase::kServing);
  const bool wanted = std::find(life.sizes.begin(), life.sizes.end(), action.replicas) != life.sizes.end();
  if (serves && (action.kind == domain::ActionKind::kRemove || !wanted))
    parts_.trace.broken("{} serves and gets {} replicas instead of {}", action.revision.name, action.replicas,
                        told);
  if (!serves && action.replicas == 0 && life.weighed && life.now.spec.replicas > 0)
    check_let_go(life, action.revision.name);
}

void Laws::check_let_go(const DeploymentLife& life, const std::string& revision) {
  for (const auto& gateway : parts_.gateways) {
    if (!gateway->up() || gateway->is_muted()) {
      const bool overdue = gateway->alone_since() && parts_.time.now() - *gateway->alone_since() + kSlack >=
                                                         life.now.spec.rollout.deadline;
      if (!overdue && gateway->number() > 0 && ready(revision) > 0 && life.revisions.contains(revision) &&
          life.revisions.at(revision).weighed)
        parts_.trace.broken("{} goes while {} does not answer", revision, gateway->name());
      continue;
    }
    const route::Row* row = gateway->row(life.now.name);
    const route::Revision* known = row ? row->find(revision) : nullptr;
    if (known && known->share > 0 && known->weight > 0)
      parts_.trace.broken("{} goes while {} sends to it", revision, gateway->name());
  }
}

void Laws::control_began() { control_began_ = parts_.time.now(); }

void Laws::tick() {
  take_in();
  const TimePoint now = parts_.time.now();
  for (const auto& [address, process] : parts_.place.processes())
    if (process.ready(now)) ready_lately_[process.revision.name] = now;
  for (const auto& gateway : parts_.gateways) {
    gateway->note_contact();
    if (gateway->alone_since() && now - *gateway->alone_since() >= kAlone)
      for (auto& [name, life] : lives_) life.excused = true;
  }
  for (auto& [name, life] : lives_) {
    if (life.gone) continue;
    check_deadline(name, life);
    check_serving(name, life);
    if (!is_well(life))
      life.well_since.reset();
    else if (!life.well_since)
      life.well_since = now;
    if (life.well_since && now - *life.well_since >= 2s) life.excused = false;
  }
  check_gateways();
}

void Laws::check_deadline(const std::string& name, DeploymentLife& life) {
  const domain::ModelDeploymentStatus& status = life.now.status;
  const RevisionStatus* coming = status.candidate();
  const TimePoint now = parts_.time.now();
  if (!coming || !status.stable() || life.now.spec.rollout.paused || !parts_.control.up() ||
      status.rollout.failed_in == life.now.generation || now - parts_.control.last_step() > 2s ||
      now - disturbed_at_ < kSlack)
    return;
  // Nothing goes back to what nobody answers for.
  if (ready(status.stable()->revision.name) == 0) life.alone_at = now;
  const Duration hold = hold_of(life.now.spec, coming->weight).value_or(0s);
  const TimePoint due = std::max({life.went_forward, life.spec_changed, control_began_}) + hold +
                        life.now.spec.rollout.deadline;
  if (now > std::max({due, control_began_ + kGrace, disturbed_at_, life.alone_at}) + kSlack)
    parts_.trace.broken("{} goes on beyond its deadline with {}", name, coming->revision.name);
}

// "Ready" and "serving" are two things: a change does not make callers believe that nobody answers.
void Laws::check_serving(const std::string& name, DeploymentLife& life) {
  const TimePoint now = parts_.time.now();
  const domain::Condition* serving = domain::find_condition(life.now.status.conditions, "Serving");
  const bool says = serving && serving->status == domain::ConditionStatus::kTrue;
  const bool serves = std::any_of(
      life.now.status.revisions.begin(), life.now.status.revisions.end(),
      [&](const RevisionStatus& each) { return each.weight > 0 && ready(each.revision.name) > 0; });
  const bool looks = parts_.control.up() && now - parts_.control.last_step() <= 2s &&
                     now - disturbed_at_ > kSlack && now - control_began_ > kSlack;
  if (!serves || says || !looks) {
    life.silent_since.reset();
    return;
  }
  if (!life.silent_since) life.silent_since = now;
  if (now - *life.silent_since > kSlack)
    parts_.trace.broken("{} serves, and its status says that it does not", name);
}

void Laws::show(const DeploymentLife& life, const ModelDeployment& before) {
  if (!parts_.trace.keeps(Trace::Keep::kDecisions)) return;
  const auto weights = [](const ModelDeployment& deployment) {
    std::string out;
    for (const RevisionStatus& each : deployment.status.revisions)
      out += fmt::format("{}{} {} {} %", out.empty() ? "" : ", ", short_name(each.revision.name),
                         domain::name(each.phase), each.weight);
    return out;
  };
  const auto conditions = [](const ModelDeployment& deployment) {
    std::string out;
    for (const domain::Condition& each : deployment.status.conditions)
      out += fmt::format("{}{} {} {}", out.empty() ? "" : ", ", each.type, domain::name(each.status),
                         domain::name(each.reason));
    return out;
  };
  if (weights(before) != weights(life.now)) parts_.trace.decided("{}: {}", life.now.name, weights(life.now));
  if (conditions(before) != conditions(life.now))
    parts_.trace.decided("{}: {}", life.now.name, conditions(life.now));
}

}  // namespace slipway::sim
