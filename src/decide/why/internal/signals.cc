#include "decide/why/internal/signals.h"

#include <algorithm>

#include "decide/why/internal/said.h"
#include "values/domain/units.h"

namespace slipway::why {
namespace {

using domain::Condition;
using domain::ConditionStatus;
using domain::ModelDeployment;
using domain::Phase;
using domain::RevisionStatus;

std::string seconds(WallTime time) {
  return time == WallTime{} ? "" : base::rfc3339(time).substr(0, 19) + "Z";
}

// One look at the status, part by part.
class Reading {
 public:
  explicit Reading(const View& view)
      : view_(view), deployment_(view.deployment), status_(view.deployment.status) {}

  std::vector<Signal> all() {
    not_taken_in();
    not_seen();
    failures();
    change();
    readiness();
    service();
    endpoints();
    leftovers();
    return std::move(out_);
  }

 private:
  void not_taken_in();
  void not_seen();
  void failures();
  void left_to_people(const RevisionStatus& revision, Evidence evidence);
  void change();
  void deadline(const Condition& condition);
  void paused(const Condition& condition);
  void readiness();
  void service();
  void endpoints();
  void leftovers();

  const Condition* condition(std::string_view type) const {
    return domain::find_condition(status_.conditions, type);
  }
  bool failed() const {
    return status_.rollout.failed_in != 0 && status_.rollout.failed_in == deployment_.generation;
  }
  Evidence seen(std::string where, std::string says, std::string time) const {
    return {.object = object_of(deployment_),
            .where = std::move(where),
            .says = std::move(says),
            .time = std::move(time)};
  }
  Evidence of(const Condition& condition) const {
    return seen(fmt::format("status.conditions[{}]", condition.type),
                fmt::format("{} {}: {}", name(condition.status), name(condition.reason),
                            said(condition.message).text),
                condition.since);
  }
  // A signal that says what the condition says.
  Signal& add(const Condition& condition, const RevisionStatus* about) {
    Said words = said(condition.message);
    out_.push_back({.reason = condition.reason,
                    .says = std::string(after_count(words.text)),
                    .log = std::move(words.log),
                    .about = about,
                    .evidence = of(condition)});
    return out_.back();
  }
  Signal& add(Reason reason, std::string says, const RevisionStatus* about, Evidence evidence) {
    out_.push_back(
        {.reason = reason, .says = std::move(says), .about = about, .evidence = std::move(evidence)});
    return out_.back();
  }
  // What a message quotes was the cause of what it says.
  bool add_quoted(const Condition& condition, const RevisionStatus* about) {
    const auto inner = quoted(condition.message);
    if (!inner) return false;
    Said words = said(inner->text);
    Signal& signal = add(inner->reason, std::move(words.text), about, of(condition));
    signal.log = std::move(words.log);
    return true;
  }

  const View& view_;
  const ModelDeployment& deployment_;
  const domain::ModelDeploymentStatus& status_;
  std::vector<Signal> out_;
};

// What is said of an older spec is no answer to this one.
void Reading::not_taken_in() {
  if (status_.observed_generation >= deployment_.generation) return;
  Signal& signal = add(Reason::kStarting, "", nullptr,
                       seen("status.observedGeneration", std::to_string(status_.observed_generation), ""));
  signal.finding =
      fmt::format("control has not acted yet on generation {} of the spec", deployment_.generation);
  signal.next = "slipway status";
  signal.hint = "it does so within a second; when it stays so, control does not run, or cannot write";
  signal.foremost = true;
}

void Reading::not_seen() {
  if (view_.endpoints) return;
  Signal& signal =
      add(Reason::kEnvironmentUnavailable, "control has just started", nullptr,
          {.object = "endpointslices", .where = "GET", .says = "503: not observed yet", .time = {}});
  signal.finding = "control has not seen yet what runs: the status tells of the time before it started";
}

void Reading::failures() {
  if (!failed()) return;
  for (const RevisionStatus& revision : status_.revisions) {
    if (!revision.fault) continue;
    Said words = said(revision.fault->message);
    const std::string where = fmt::format("status.revisions[{}].", revision.revision.name);
    Evidence evidence = seen(where + "fault", fmt::format("{}: {}", name(revision.fault->reason), words.text),
                             seconds(revision.since));
    Signal& signal = add(revision.fault->reason, without_advice(without_count(words.text)), &revision,
                         std::move(evidence));
    signal.log = std::move(words.log);
    const std::string phase(name(revision.phase));
    if (revision.phase == Phase::kFailed)
      add(Reason::kRolledBack, "", &revision, seen(where + "phase", phase, seconds(revision.since)));
    else
      left_to_people(revision, seen("spec.rollout.onFailure", "pause", ""));
  }
}

void Reading::left_to_people(const RevisionStatus& revision, Evidence evidence) {
  Signal& waits = add(Reason::kPaused, "", &revision, std::move(evidence));
  waits.finding =
      fmt::format("{} stays at {} % and waits for you: it failed, and spec.rollout.onFailure is pause",
                  revision.revision.name, revision.weight);
  waits.next = "slipway rollout rollback {name}";
  waits.hint = "or change the spec, for another try";
}

void Reading::change() {
  const Condition* change = condition("Progressing");
  if (!change || change->reason == Reason::kRolloutComplete) return;
  if (change->reason == Reason::kProgressDeadlineExceeded) return deadline(*change);
  if (change->reason == Reason::kPaused) return paused(*change);
  const RevisionStatus* about = wanted_of(deployment_);
  const bool refused =
      change->reason == Reason::kVersionNotFound || change->reason == Reason::kSignatureChanged;
  Signal& signal = add(*change, refused ? nullptr : about);
  if (about) signal.says = without_name(signal.says, about->revision.name);
  signal.says = without_advice(signal.says);
}

void Reading::deadline(const Condition& change) {
  const RevisionStatus* about = wanted_of(deployment_);
  add(change, about).says = without_count(said(change.message).text);
  if (add_quoted(change, about)) return;
  const std::string limit = domain::duration_text(deployment_.spec.rollout.deadline);
  const std::string who = about ? about->revision.name : deployment_.name;
  if (all_ready(change.message).value_or(false)) {
    add(Reason::kWaitingForGateway, "", about, of(change)).finding =
        fmt::format("no gateway had taken {} in after {}, though its replicas were ready", who, limit);
    return;
  }
  Signal& hangs = add(Reason::kStarting, "", about, of(change));
  hangs.finding = fmt::format("the replicas of {} loaded or warmed for {} and came to no end", who, limit);
  hangs.next = "slipway logs {logs}";
  hangs.hint =
      "a warm-up is one run on zeros: try the model on such a row, then push a version that answers it";
}

void Reading::paused(const Condition& change) {
  const RevisionStatus* about = wanted_of(deployment_);
  Signal& signal = add(change, about);
  const int weight = about ? about->weight : 0;
  signal.finding =
      fmt::format("the change to version {} stays at {} % and waits for you: spec.rollout.paused is true",
                  deployment_.spec.version, weight);
  add(Reason::kPaused, "", about, seen("spec.rollout.paused", "true", ""));
}

// Of what serves, once no change is under way: before that, Ready says what Progressing says.
void Reading::readiness() {
  const Condition* ready = condition("Ready");
  const Condition* change = condition("Progressing");
  const RevisionStatus* stable = status_.stable();
  if (!ready || !stable || (change && change->reason != Reason::kRolloutComplete)) return;
  const std::string count = fmt::format("{} are wanted and {} ready", stable->desired, stable->ready);
  if (ready->status == ConditionStatus::kTrue) {
    if (stable->ready > stable->desired) add(Reason::kScaled, count, stable, of(*ready));
    return;
  }
  Signal& signal = add(*ready, stable);
  signal.says = without_advice(signal.says);
  if (row_of(ready->reason).weight == Weight::kStep && stable->ready > 0)
    add(Reason::kScaled, count, stable, of(*ready));
}

void Reading::service() {
  const Condition* serving = condition("Serving");
  if (!serving || serving->status == ConditionStatus::kTrue) return;
  const RevisionStatus* about = status_.stable() ? status_.stable() : status_.candidate();
  Signal& signal = add(*serving, about);
  signal.says = without_quoted(said(serving->message).text);
  if (about) add_quoted(*serving, about);
}

// Gateways send by these, so they decide whether requests are answered, whatever the status says.
void Reading::endpoints() {
  if (!view_.endpoints) return;
  for (const RevisionStatus& revision : status_.revisions) {
    if (revision.weight == 0 || revision.ready == 0) continue;
    int ready = 0, all = 0;
    for (const domain::EndpointSlice& slice : *view_.endpoints) {
      if (slice.revision != revision.revision.name) continue;
      all += static_cast<int>(slice.endpoints.size());
      ready += static_cast<int>(std::ranges::count(slice.endpoints, true, &domain::Endpoint::ready));
    }
    if (ready > 0) continue;
    add(Reason::kNoReadyReplica, fmt::format("{} has no endpoint that is ready", revision.revision.name),
        &revision,
        {.object = fmt::format("endpointslice/{}", revision.revision.name),
         .where = "endpoints",
         .says = fmt::format("{} of {} ready, and the status says {}", ready, all, revision.ready),
         .time = {}});
  }
}

void Reading::leftovers() {
  for (const RevisionStatus& revision : status_.revisions)
    if (revision.phase == Phase::kDraining)
      add(Reason::kDraining, "", &revision,
          seen(fmt::format("status.revisions[{}].phase", revision.revision.name), "Draining",
               seconds(revision.since)));
}

}  // namespace

std::string object_of(const ModelDeployment& deployment) {
  return fmt::format("modeldeployment/{}", deployment.name);
}

const RevisionStatus* wanted_of(const ModelDeployment& deployment) {
  const domain::ModelDeploymentStatus& status = deployment.status;
  if (const RevisionStatus* coming = status.candidate()) return coming;
  if (const RevisionStatus* failed = status.in_phase(Phase::kFailed)) return failed;
  return status.stable();
}

std::vector<Signal> signals_of(const View& view) { return Reading(view).all(); }

}  // namespace slipway::why
