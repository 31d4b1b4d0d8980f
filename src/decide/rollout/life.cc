#include "decide/rollout/internal/life.h"

#include <algorithm>

namespace slipway::rollout {
namespace {

using domain::RolloutStep;
using namespace std::chrono_literals;

// A status may name 16 revisions; what drains makes room soon.
constexpr size_t kMostRevisions = 14;

std::vector<RolloutStep> steps_of(const domain::RolloutSpec& spec) {
  if (spec.strategy == domain::Strategy::kImmediate) return {};
  if (spec.steps.empty()) return {{10, 1min}, {50, 1min}};
  return spec.steps;
}

}  // namespace

Life::Life(const View& view, const Options& options)
    : view_(view),
      options_(options),
      now_(std::chrono::floor<std::chrono::milliseconds>(view.now)),
      steps_(steps_of(view.deployment.spec.rollout)),
      status_(view.deployment.status) {}

Decision Life::step() {
  recover();
  take_in();
  align();
  advance();
  retire();
  settle_weights();
  describe();
  const bool changing = is_changing();
  return {.status = std::move(status_), .notes = std::move(notes_), .changing = changing};
}

// A status that was lost: what answers with most replicas serves on, everything else is the environment's
// past.
void Life::recover() {
  if (!status_.revisions.empty()) return;
  for (const domain::RevisionTold& told : view_.observation.revisions) {
    if (status_.revisions.size() == kMostRevisions) break;
    status_.revisions.push_back({.revision = told.revision,
                                 .desired = told.replicas,
                                 .phase = Phase::kDraining,
                                 .since = now_,
                                 .fault = {}});
  }
  RevisionStatus* best = nullptr;
  int most = 0;
  for (RevisionStatus& revision : status_.revisions) {
    const int ready = facts_of(revision.revision.name, view_.observation, options_.quiet).ready;
    if (ready <= most) continue;
    best = &revision;
    most = ready;
  }
  if (best) enter(*best, Phase::kServing);
}

void Life::take_in() {
  domain::RolloutStatus& rollout = status_.rollout;
  if (rollout.progress == WallTime{} || status_.observed_generation != view_.deployment.generation)
    rollout.progress = now_;
  rollout.progress = std::min(rollout.progress, now_);
  rollout.step_since = std::min(rollout.step_since, now_);
  for (RevisionStatus& revision : status_.revisions) {
    revision.since = std::min(revision.since, now_);
    const Facts& seen = facts_[revision.revision.name] =
        facts_of(revision.revision.name, view_.observation, options_.quiet);
    const bool is_candidate = revision.phase == Phase::kLoading || revision.phase == Phase::kShifting;
    if (is_candidate && seen.ready > revision.ready) went_forward();
    revision.ready = seen.ready;
    if (is_candidate || revision.phase == Phase::kServing || revision.phase == Phase::kKept)
      revision.desired = wanted();
  }
  if (rollout.failed_in != 0 && !failed()) {
    rollout.failed_in = 0;
    if (RevisionStatus* tried = candidate()) tried->fault.reset();
  }
  status_.observed_generation = view_.deployment.generation;
  status_.desired_replicas = wanted();
  status_.replicas = static_cast<int>(view_.observation.replicas.size());
  status_.selector = fmt::format("slipway.dev/deployment={}", view_.deployment.name);
  status_.url =
      options_.url.empty() ? "" : fmt::format("{}/v2/models/{}", options_.url, view_.deployment.name);
}

// The spec names one revision; where that stands decides what becomes of the others.
void Life::align() {
  const auto& target = view_.target.revision;
  abandon_others(target ? target->name : "");
  if (!target) return;
  RevisionStatus* revision = find(target->name);
  if (revision) return wanted_again(*revision);
  if (status_.revisions.size() < kMostRevisions) begin(*target);
}

void Life::begin(const domain::RevisionSpec& revision) {
  facts_[revision.name] = facts_of(revision.name, view_.observation, options_.quiet);
  status_.revisions.push_back(
      {.revision = revision, .desired = wanted(), .phase = Phase::kLoading, .since = now_, .fault = {}});
  status_.rollout = {.progress = now_, .held_by = {}};
  note(Reason::kRevisionCreated,
       fmt::format("{}: version {} of {}", revision.name, revision.version, revision.model));
}

void Life::wanted_again(RevisionStatus& revision) {
  if (revision.phase == Phase::kFailed && failed()) return;
  // The failures of its last try would be held against the next one: they go with its replicas.
  const bool leaves = revision.phase == Phase::kFailed || revision.phase == Phase::kDraining;
  if (leaves && facts(revision).failures >= options_.load_failures) {
    revision.fault.reset();
    if (revision.phase == Phase::kFailed) enter(revision, Phase::kDraining);
    return;
  }
  const bool warm = revision.phase == Phase::kKept && revision.ready >= revision.desired;
  if (warm) return promote(revision);
  if (revision.phase == Phase::kServing || revision.phase == Phase::kLoading ||
      revision.phase == Phase::kShifting)
    return;
  enter(revision, Phase::kLoading);
  revision.desired = wanted();
  revision.fault.reset();
  status_.rollout = {.progress = now_, .held_by = {}};
  note(Reason::kRevisionCreated, fmt::format("{} is wanted again", revision.revision.name));
}

// Only what has served all requests is kept warm: a candidate that comes again goes its steps again.
void Life::abandon_others(const std::string& wanted) {
  for (RevisionStatus& revision : status_.revisions) {
    if (revision.revision.name == wanted) continue;
    if (revision.phase == Phase::kFailed) enter(revision, Phase::kDraining);
    if (revision.phase != Phase::kLoading && revision.phase != Phase::kShifting) continue;
    note(Reason::kSuperseded, fmt::format("{} is no longer wanted", revision.revision.name));
    enter(revision, Phase::kDraining);
    status_.rollout = {.progress = now_, .held_by = {}};
  }
}

void Life::retire() {
  const bool blind = unreachable(view_.observation) != nullptr;
  for (RevisionStatus& revision : status_.revisions) {
    if (revision.phase == Phase::kFailed && is_removed(revision)) revision.desired = 0;
    if (revision.phase != Phase::kKept || passed_since(revision.since) < spec().keep) continue;
    enter(revision, Phase::kDraining);
    note(Reason::kDraining,
         fmt::format("{} was kept for {}", revision.revision.name,
                     fmt::format("{}s", std::chrono::floor<std::chrono::seconds>(spec().keep).count())));
  }
  std::erase_if(status_.revisions, [&](const RevisionStatus& revision) {
    if (revision.phase != Phase::kDraining) return false;
    const bool overdue = blind && passed_since(revision.since) >= spec().deadline;
    if (!is_removed(revision) && !overdue) return false;
    note(Reason::kRemoved, fmt::format("{}: no gateway sends to it any more", revision.revision.name));
    return true;
  });
}

// The wall's clock may have jumped between two lives of this process: what this one has seen pass counts.
Duration Life::passed_since(WallTime time) const { return now_ - std::max(time, view_.started); }

// What was seen before its weight was taken away says nothing of who sends to it since.
bool Life::is_removed(const RevisionStatus& revision) const {
  return facts(revision).removed &&
         revision.since < std::chrono::floor<std::chrono::milliseconds>(view_.seen);
}

void Life::settle_weights() {
  RevisionStatus* serving = in_phase(Phase::kServing);
  RevisionStatus* rising = in_phase(Phase::kShifting);
  for (RevisionStatus& revision : status_.revisions)
    if (&revision != rising) revision.weight = 0;
  if (serving) serving->weight = 100 - (rising ? rising->weight : 0);
}

// What goes on ending is looked at less often: its next start is far away.
bool Life::is_changing() const {
  for (const RevisionStatus& revision : status_.revisions) {
    const bool waiting = revision.ready < revision.desired && facts(revision).failures < options_.failures;
    if (revision.phase == Phase::kDraining || (revision.phase == Phase::kFailed && revision.desired > 0))
      return true;
    if (revision.phase == Phase::kServing && waiting) return true;
    const bool candidate = revision.phase == Phase::kLoading || revision.phase == Phase::kShifting;
    const bool hopeful = facts(revision).failures < options_.failures;
    if (candidate && hopeful && !failed() && !spec().paused) return true;
  }
  return false;
}

RevisionStatus* Life::find(std::string_view revision) {
  return const_cast<RevisionStatus*>(std::as_const(status_).find(revision));
}
RevisionStatus* Life::in_phase(Phase phase) {
  return const_cast<RevisionStatus*>(std::as_const(status_).in_phase(phase));
}
RevisionStatus* Life::candidate() { return const_cast<RevisionStatus*>(std::as_const(status_).candidate()); }

std::optional<Fault> Life::fault_of(const RevisionStatus& revision) const {
  const auto refused = view_.refused.find(revision.revision.name);
  if (refused != view_.refused.end()) return refused->second;
  return facts(revision).fault;
}

void Life::enter(RevisionStatus& revision, Phase phase) {
  revision.phase = phase;
  revision.since = now_;
}

void Life::note(Reason reason, std::string message, Tone tone) {
  notes_.push_back({.reason = reason, .message = std::move(message), .tone = tone});
}

Decision decide(const View& view, const Options& options) { return Life(view, options).step(); }

}  // namespace slipway::rollout
