// The candidate on its way: loading, routed, step by step, or failed.
#include <algorithm>

#include "decide/rollout/internal/life.h"
#include "values/domain/units.h"

namespace slipway::rollout {

void Life::advance() {
  RevisionStatus* coming = candidate();
  if (!coming) return status_.rollout.held_by.clear();
  const bool first = !in_phase(Phase::kServing);
  if (wanted() == 0 || (first && coming->ready > 0)) return promote(*coming);
  if (failed()) return;
  domain::RolloutStatus& rollout = status_.rollout;
  const bool was_paused = rollout.held_by == name(Reason::kPaused);
  if (was_paused && !spec().paused) {
    went_forward();
    if (rollout.step >= 0) rollout.step_since = now_;
  }
  const auto held = hindrance(*coming);
  rollout.held_by = held ? std::string(name(*held)) : "";
  // Without anything to go back to it is tried on; and who pauses it decides alone.
  const RevisionStatus* stable = in_phase(Phase::kServing);
  const bool alone = first || (stable->ready == 0 && coming->ready > 0);
  if (!alone && held != Reason::kPaused)
    if (const auto fault = failure(*coming)) return fail(*coming, *fault);
  if (!held && !first) raise(*coming);
}

// What keeps it from the next step now.
std::optional<Reason> Life::hindrance(const RevisionStatus& coming) const {
  if (spec().paused) return Reason::kPaused;
  const Facts& seen = facts(coming);
  if (seen.ready < coming.desired) {
    const auto fault = fault_of(coming);
    if (fault) return fault->reason;
    return seen.preparing > 0 ? Reason::kFetching : Reason::kStarting;
  }
  if (unreachable(view_.observation)) return Reason::kGatewayUnreachable;
  if (!seen.routed) return Reason::kWaitingForGateway;
  return std::nullopt;
}

Duration Life::hold() const {
  const int step = status_.rollout.step;
  return step >= 0 && step < static_cast<int>(steps_.size()) ? steps_[static_cast<size_t>(step)].hold
                                                             : Duration{0};
}

void Life::raise(RevisionStatus& coming) {
  domain::RolloutStatus& rollout = status_.rollout;
  if (rollout.step >= 0 && passed_since(rollout.step_since) < hold()) return;
  // Steps may have changed meanwhile: the next is the first that is more than it has.
  const auto next = std::find_if(steps_.begin(), steps_.end(), [&](const domain::RolloutStep& step) {
    return step.weight > coming.weight;
  });
  if (next == steps_.end()) return promote(coming);
  rollout.step = static_cast<int>(next - steps_.begin());
  rollout.step_since = now_;
  went_forward();
  coming.weight = next->weight;
  enter(coming, Phase::kShifting);
  note(Reason::kShifting, fmt::format("{} gets {} % of the requests for {}", coming.revision.name,
                                      next->weight, domain::duration_text(next->hold)));
}

// It serves everything from now on; what served before stays warm for as long as the spec says.
void Life::promote(RevisionStatus& coming) {
  const bool back = coming.phase == Phase::kKept;
  RevisionStatus* before = in_phase(Phase::kServing);
  for (RevisionStatus& other : status_.revisions)
    if (&other != &coming && other.phase == Phase::kKept) enter(other, Phase::kDraining);
  if (before) enter(*before, spec().keep > Duration{0} ? Phase::kKept : Phase::kDraining);
  enter(coming, Phase::kServing);
  status_.rollout = {.progress = now_, .held_by = {}};
  std::string message = fmt::format("{} gets all requests", coming.revision.name);
  if (back) message += "; it was still warm";
  if (before && spec().keep > Duration{0})
    message +=
        fmt::format("; {} stays warm for {}", before->revision.name, domain::duration_text(spec().keep));
  note(Reason::kRolloutComplete, std::move(message));
}

std::optional<Fault> Life::failure(const RevisionStatus& coming) const {
  const Facts& seen = facts(coming);
  if (seen.ready >= coming.desired || !seen.fault) return overdue(coming);
  const bool unservable = seen.fault->reason == Reason::kLoadFailed;
  if (seen.failures < (unservable ? options_.load_failures : options_.failures)) return overdue(coming);
  if (seen.fault->reason != Reason::kExited && seen.fault->reason != Reason::kKilled) return seen.fault;
  return Fault{Reason::kCrashLoop,
               fmt::format("it ended {} times; the last time: {}", seen.failures, seen.fault->message)};
}

std::optional<Fault> Life::overdue(const RevisionStatus& coming) const {
  const domain::RolloutStatus& rollout = status_.rollout;
  WallTime last = rollout.progress;
  if (rollout.step >= 0) last = std::max(last, std::max(rollout.step_since, view_.started) + hold());
  // A process that has just started looks first: the wall's clock may have jumped while nobody looked.
  if (now_ - last < spec().deadline || now_ - view_.started < options_.grace) return std::nullopt;
  std::string why = count_text(coming);
  if (const auto fault = fault_of(coming))
    why += fmt::format("; {}: {}", name(fault->reason), fault->message);
  else if (const auto* gateway = unreachable(view_.observation))
    why += fmt::format("; gateway {} does not answer", gateway->name);
  return Fault{Reason::kProgressDeadlineExceeded,
               fmt::format("nothing went forward for {}: {}", domain::duration_text(spec().deadline), why)};
}

void Life::fail(RevisionStatus& coming, const Fault& fault) {
  status_.rollout.failed_in = view_.deployment.generation;
  coming.fault = fault;
  note(fault.reason, fmt::format("{}: {}", coming.revision.name, fault.message), Tone::kWarning);
  const std::string stable = in_phase(Phase::kServing)->revision.name;
  if (spec().on_failure == domain::OnFailure::kPause) {
    status_.rollout.held_by = name(Reason::kPaused);
    return note(Reason::kPaused,
                fmt::format("{} stays at {} % until the spec changes", coming.revision.name, coming.weight),
                Tone::kWarning);
  }
  enter(coming, Phase::kFailed);
  status_.rollout.step = -1;
  status_.rollout.held_by.clear();
  note(Reason::kRolledBack, fmt::format("{} gets all requests again", stable), Tone::kWarning);
}

}  // namespace slipway::rollout
