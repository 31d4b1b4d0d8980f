// What holds now, and why, in words that stay the same while nothing changes.
#include <algorithm>

#include "decide/rollout/internal/life.h"
#include "values/domain/units.h"

namespace slipway::rollout {
namespace {

using domain::Condition;
using domain::ConditionStatus;

Condition make(const char* type, ConditionStatus status, Reason reason, std::string message) {
  return {.type = type,
          .status = status,
          .reason = reason,
          .message = std::move(message),
          .observed_generation = 0,
          .since = {}};
}

}  // namespace

void Life::describe() {
  const Condition change = progressing();
  const Condition whole = ready(change);
  tell_news(whole);
  for (Condition condition : {whole, serving(), change}) {
    condition.observed_generation = view_.deployment.generation;
    set_condition(status_.conditions, std::move(condition), now_);
  }
}

// Replicas come and go by themselves: that is worth an Event when it makes a difference.
void Life::tell_news(const Condition& now) {
  const Condition* before = domain::find_condition(status_.conditions, "Ready");
  if (!before || !notes_.empty()) return;
  const bool was = before->status == ConditionStatus::kTrue, is = now.status == ConditionStatus::kTrue;
  if (was && !is) return note(now.reason, now.message, Tone::kWarning);
  if (!was && is) return note(now.reason, now.message);
  const bool first = !status_.stable() && now.reason != before->reason;
  if (first && !is && status_.candidate() && failure(*status_.candidate()))
    note(now.reason, now.message, Tone::kWarning);
}

std::string Life::count_text(const RevisionStatus& revision) const {
  const char* are = revision.desired == 1 ? "replica of {} is ready" : "replicas of {} are ready";
  return fmt::format("{} of {} ", std::min(revision.ready, revision.desired), revision.desired) +
         fmt::format(fmt::runtime(are), revision.revision.name);
}

Condition Life::progressing() const {
  constexpr const char* kType = "Progressing";
  const RevisionStatus* stable = status_.stable();
  const std::string serves_on = stable ? fmt::format("; {} serves on", stable->revision.name) : "";
  if (view_.target.refusal)
    return make(kType, ConditionStatus::kFalse, view_.target.refusal->reason,
                view_.target.refusal->message + serves_on);
  if (failed())
    for (const RevisionStatus& revision : status_.revisions)
      if (revision.fault)
        return make(kType, ConditionStatus::kFalse, revision.fault->reason,
                    fmt::format("{}: {}{}", revision.revision.name, revision.fault->message, serves_on));
  if (const RevisionStatus* coming = status_.candidate()) {
    // The first one is tried on and on; that it does not get there is to be seen all the same.
    const auto fault = stable || spec().paused ? std::nullopt : failure(*coming);
    if (fault)
      return make(kType, ConditionStatus::kFalse, fault->reason,
                  fmt::format("{}: {}; it is tried on", coming->revision.name, fault->message));
    return on_the_way(*coming);
  }
  if (!stable) return make(kType, ConditionStatus::kUnknown, Reason::kStarting, "nothing runs yet");
  const auto& target = view_.target.revision;
  if (target && target->name != stable->revision.name)
    return make(kType, ConditionStatus::kTrue, Reason::kStarting,
                fmt::format("{} starts again when its last try has gone{}", target->name, serves_on));
  return make(kType, ConditionStatus::kTrue, Reason::kRolloutComplete,
              fmt::format("{} gets all requests", stable->revision.name));
}

Condition Life::on_the_way(const RevisionStatus& coming) const {
  constexpr const char* kType = "Progressing";
  const std::string& held = status_.rollout.held_by;
  const auto held_by = domain::parse_reason(held);
  std::string message = count_text(coming);
  if (const auto fault = fault_of(coming); fault && coming.ready < coming.desired)
    message += fmt::format("; {}", fault->message);
  if (held_by == Reason::kPaused)
    return make(kType, ConditionStatus::kUnknown, Reason::kPaused,
                fmt::format("paused at {} %: {}", coming.weight, message));
  if (held_by == Reason::kGatewayUnreachable)
    message += fmt::format("; gateway {} does not answer", unreachable(view_.observation)->name);
  if (held_by) return make(kType, ConditionStatus::kTrue, *held_by, std::move(message));
  if (coming.phase == Phase::kLoading)
    return make(kType, ConditionStatus::kTrue, Reason::kStarting, std::move(message));
  return make(kType, ConditionStatus::kTrue, Reason::kShifting,
              fmt::format("{} gets {} % of the requests for {}", coming.revision.name, coming.weight,
                          domain::duration_text(hold())));
}

// Whether callers get answers: by whatever revision, whatever becomes of a change.
Condition Life::serving() const {
  constexpr const char* kType = "Serving";
  for (const RevisionStatus& revision : status_.revisions)
    if (revision.weight > 0 && revision.ready > 0)
      return make(kType, ConditionStatus::kTrue, Reason::kServing, "requests are answered");
  if (wanted() == 0)
    return make(kType, ConditionStatus::kFalse, Reason::kScaledToZero, "no replica is wanted");
  const RevisionStatus* meant = status_.stable() ? status_.stable() : status_.candidate();
  std::string message = meant ? count_text(*meant) : "there is no revision to answer";
  if (const auto fault = meant ? fault_of(*meant) : std::nullopt)
    message += fmt::format("; {}: {}", name(fault->reason), fault->message);
  return make(kType, ConditionStatus::kFalse, Reason::kNoReadyReplica, std::move(message));
}

// Whether everything is as the spec wants it.
Condition Life::ready(const Condition& change) const {
  constexpr const char* kType = "Ready";
  const RevisionStatus* stable = status_.stable();
  const bool settled = change.reason == Reason::kRolloutComplete;
  if (!settled) return make(kType, ConditionStatus::kFalse, change.reason, change.message);
  if (wanted() == 0)
    return make(kType, ConditionStatus::kTrue, Reason::kScaledToZero,
                "no replica is wanted, as the spec says");
  if (stable->ready >= stable->desired)
    return make(kType, ConditionStatus::kTrue, Reason::kReady, count_text(*stable));
  const auto fault = fault_of(*stable);
  const Reason starting = facts(*stable).preparing > 0 ? Reason::kFetching : Reason::kStarting;
  return make(kType, ConditionStatus::kFalse, fault ? fault->reason : starting,
              count_text(*stable) + (fault ? "; " + fault->message : ""));
}

}  // namespace slipway::rollout
