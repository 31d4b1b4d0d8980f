#include "decide/rollout/testing/story.h"

namespace slipway::rollout {

using domain::Phase;
using domain::ReplicaState;

Story::Story(domain::ModelDeploymentSpec spec) {
  spec.model = "credit";
  deployment_.name = "credit";
  deployment_.generation = 1;
  deployment_.spec = before_ = std::move(spec);
}

Story Story::serving(domain::ModelDeploymentSpec spec) {
  Story story(std::move(spec));
  story.ready(story.spec().version, story.spec().replicas);
  story.routed(story.spec().version, 100);
  story.look();
  story.look();
  return story;
}

Story Story::changed(domain::ModelDeploymentSpec spec) {
  const int64_t version = spec.version;
  spec.version = version - 1;
  Story story = serving(std::move(spec));
  story.spec().version = version;
  story.look();
  story.ready(version, story.spec().replicas);
  story.routed(version);
  story.look();
  story.routed(version - 1, 0);
  story.routed(version, 100);
  return story;
}

void Story::canary(std::vector<domain::RolloutStep> steps) {
  spec().rollout.strategy = domain::Strategy::kCanary;
  spec().rollout.steps = std::move(steps);
}

void Story::ready(int64_t version, int replicas) {
  versions_[version].ready = replicas;
  versions_[version].failures = 0;
  versions_[version].fault.reset();
}

void Story::failing(int64_t version, int failures, Fault fault) {
  versions_[version] = {.failures = failures, .fault = std::move(fault), .routed = versions_[version].routed};
}

void Story::routed(int64_t version, int weight) {
  versions_[version].routed = true;
  versions_[version].weight = weight;
}

void Story::restart_at(Duration jump) {
  now_ += jump;
  started_ = now_;
}

domain::RevisionSpec Story::revision(int64_t version) const {
  domain::RevisionSpec out{.name = {},
                           .deployment = "credit",
                           .model = "credit",
                           .version = version,
                           .digest = fmt::format("sha256:{:064}", version)};
  out.name = domain::revision_name(out);
  return out;
}

domain::Observation Story::observation() const {
  domain::Observation out;
  domain::GatewaySeen gateway{.name = "gateway", .answers = gateway_answers_, .said = {}};
  for (const auto& [version, seen] : versions_) {
    const domain::RevisionSpec spec = revision(version);
    const int replicas = std::max(seen.ready, seen.fault ? 1 : 0);
    out.revisions.push_back({.revision = spec, .replicas = std::max(replicas, 1), .fault = {}});
    for (int i = 0; i < replicas; ++i) {
      const bool up = i < seen.ready;
      out.replicas.push_back({.name = fmt::format("{}-{}", spec.name, i),
                              .revision = spec.name,
                              .deployment = "credit",
                              .state = up ? ReplicaState::kReady : ReplicaState::kBackingOff,
                              .failures = seen.failures,
                              .fault = seen.fault,
                              .load = {.in_flight = seen.in_flight, .idle_seconds = 3600}});
    }
    if (seen.routed)
      gateway.said.rows.push_back({.deployment = "credit",
                                   .revision = spec.name,
                                   .weight = seen.weight,
                                   .endpoints = seen.ready,
                                   .in_flight = seen.in_flight});
  }
  if (!gateway.answers) gateway.said = {};
  out.gateways.push_back(std::move(gateway));
  return out;
}

std::string Story::look() {
  if (deployment_.spec != before_) ++deployment_.generation;
  before_ = deployment_.spec;
  Target target{.revision = revision(spec().version), .refusal = refusal_};
  if (refusal_) target.revision.reset();
  const domain::Observation seen = observation();
  Decision decision = decide({.deployment = deployment_,
                              .target = target,
                              .observation = seen,
                              .refused = {},
                              .now = now_,
                              .seen = now_,
                              .started = started_},
                             {});
  deployment_.status = std::move(decision.status);
  notes_ = std::move(decision.notes);
  changing_ = decision.changing;
  std::string out;
  for (const domain::RevisionStatus& each : deployment_.status.revisions)
    out += fmt::format("{}v{} {} {} %", out.empty() ? "" : ", ", each.revision.version, name(each.phase),
                       each.weight);
  return out;
}

std::string Story::condition(std::string_view type) const {
  const auto* condition = domain::find_condition(deployment_.status.conditions, type);
  return condition ? fmt::format("{} {}", name(condition->status), name(condition->reason)) : "";
}

std::string Story::message(std::string_view type) const {
  const auto* condition = domain::find_condition(deployment_.status.conditions, type);
  return condition ? condition->message : "";
}

int Story::desired(int64_t version) const {
  const auto* found = deployment_.status.find(revision(version).name);
  return found ? found->desired : -1;
}

}  // namespace slipway::rollout
