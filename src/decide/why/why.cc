// From signals to ranked causes, and what they come to.
#include <algorithm>
#include <map>

#include "decide/why/internal/evidence.h"
#include "decide/why/internal/signals.h"

namespace slipway::why {
namespace {

using domain::ModelDeployment;
using domain::ModelVersion;
using domain::RevisionStatus;

constexpr int64_t kMiB = 1 << 20;

std::string subject_of(const ModelDeployment& deployment, const RevisionStatus* about) {
  if (!about) return fmt::format("version {} of {}", deployment.spec.version, deployment.spec.model);
  return fmt::format("version {} of {} ({})", about->revision.version, about->revision.model,
                     about->revision.name);
}

Words words_of(const View& view, const Signal& signal) {
  const ModelDeployment& deployment = view.deployment;
  const RevisionStatus* about = signal.about;
  const RevisionStatus* stable = deployment.status.stable();
  const int replicas = deployment.spec.replicas;
  const int ready = stable ? stable->ready : 0;
  const int64_t memory = deployment.spec.settings.memory_bytes;
  return {
      .name = deployment.name,
      .model = about ? about->revision.model : deployment.spec.model,
      .version = about ? about->revision.version : deployment.spec.version,
      .subject = subject_of(deployment, about),
      .revision = about ? about->revision.name : "",
      .logs = about && about->phase == domain::Phase::kFailed ? about->revision.name + "-0" : deployment.name,
      .says = signal.says.empty() ? "control says no more" : signal.says,
      .serving = stable ? stable->revision.name : "nothing",
      .on_failure = deployment.spec.rollout.on_failure == domain::OnFailure::kPause ? "pause" : "rollback",
      .fewer = std::max(1, std::min(ready, replicas - 1)),
      .way_back = stable ? fmt::format("; `slipway rollout rollback {}` ends the try", deployment.name) : "",
      .more_memory = memory == 0 ? "1Gi" : fmt::format("{}Mi", std::max<int64_t>(1, memory / kMiB) * 2)};
}

Cause cause_of(const View& view, const Signal& signal) {
  const Row& row = row_of(signal.reason);
  const Words words = words_of(view, signal);
  const auto or_row = [&](const std::string& own, const char* table) {
    return fill(own.empty() ? table : own.c_str(), words);
  };
  return {.reason = signal.reason,
          .finding = signal.finding.empty() ? fill(row.finding, words) : signal.finding,
          .evidence = {},
          .next = or_row(signal.next, row.next),
          .hint = or_row(signal.hint, row.hint)};
}

void add_once(Cause& cause, Evidence one) {
  if (std::ranges::find(cause.evidence, one) == cause.evidence.end())
    cause.evidence.push_back(std::move(one));
}

// What the finding says already is not said again.
void shorten(Cause& cause, std::string_view said) {
  constexpr size_t kWorthIt = 20;
  if (said.size() < kWorthIt) return;
  for (Evidence& one : cause.evidence)
    if (const size_t at = one.says.find(said); at != std::string::npos)
      one.says.replace(at, said.size(), "…");
}

const ModelVersion* newest(const std::vector<ModelVersion>& versions, std::string_view model) {
  const ModelVersion* out = nullptr;
  for (const ModelVersion& version : versions)
    if (version.model == model && (!out || version.version > out->version)) out = &version;
  return out;
}

// There is a command that certainly does what is missing.
void sharpen(const View& view, Cause& cause) {
  const domain::ModelDeploymentSpec& spec = view.deployment.spec;
  if (cause.reason != Reason::kVersionNotFound) return;
  const ModelVersion* version = newest(view.versions, spec.model);
  cause.next = version ? fmt::format("slipway deploy {} --version {}", view.deployment.name, version->version)
                       : fmt::format("slipway push FILE --name {}", spec.model);
}

// Signals of the same reason are one cause; the first of them has the word.
std::vector<Cause> causes_of(const View& view, const std::vector<Signal>& signals) {
  std::multimap<std::pair<bool, size_t>, const Signal*> ranked;
  for (const Signal& signal : signals)
    ranked.emplace(std::pair(!signal.foremost, rank_of(signal.reason)), &signal);
  std::vector<Cause> out;
  std::vector<const Signal*> speakers;
  std::map<Reason, size_t> known;
  for (const auto& [rank, signal] : ranked) {
    const auto [at, is_new] = known.emplace(signal->reason, out.size());
    if (is_new) {
      speakers.push_back(signal);
      out.push_back(cause_of(view, *signal));
      sharpen(view, out.back());
    }
    Cause& cause = out[at->second];
    add_once(cause, signal->evidence);
    for (Evidence& each : facts_about(view, *signal)) add_once(cause, std::move(each));
    for (Evidence& each : events_about(view, signal->reason, signal->about)) add_once(cause, std::move(each));
    for (Evidence& each : cluster_events(view, signal->reason, signal->about))
      add_once(cause, std::move(each));
  }
  for (size_t i = 0; i < out.size(); ++i) shorten(out[i], speakers[i]->says);
  return out;
}

// How things are when nothing else is the matter.
Cause as_wanted(const View& view) {
  const domain::ModelDeploymentStatus& status = view.deployment.status;
  const RevisionStatus* stable = status.stable();
  const bool none = view.deployment.spec.replicas == 0;
  Signal signal{.reason = none ? Reason::kScaledToZero : Reason::kReady, .about = stable};
  const domain::Condition* ready = domain::find_condition(status.conditions, "Ready");
  if (ready)
    signal.says = ready->message;
  else if (stable)
    signal.says = stable->revision.name + " serves";
  Cause cause = cause_of(view, signal);
  if (ready)
    cause.evidence.push_back(
        {.object = object_of(view.deployment),
         .where = "status.conditions[Ready]",
         .says = fmt::format("{} {}: {}", name(ready->status), name(ready->reason), ready->message),
         .time = ready->since});
  for (Evidence& each : facts_about(view, signal)) add_once(cause, std::move(each));
  if (stable && !none)
    for (Evidence& each : events_about(view, Reason::kRolloutComplete, stable))
      add_once(cause, std::move(each));
  for (Evidence& each : past_faults(view)) add_once(cause, std::move(each));
  return cause;
}

// Who asks why a new model does not answer has perhaps not deployed it.
std::optional<Cause> not_deployed(const View& view) {
  const domain::ModelDeploymentSpec& spec = view.deployment.spec;
  const ModelVersion* version = newest(view.versions, spec.model);
  if (!version || version->version <= spec.version) return std::nullopt;
  Cause cause{.reason = Reason::kPushed,
              .finding = fmt::format("version {} of {} was pushed and is not deployed: the spec names {}",
                                     version->version, spec.model, spec.version),
              .evidence = {{.object = "modelversion/" + version->name(),
                            .where = "spec.digest",
                            .says = version->digest,
                            .time = {}},
                           {.object = object_of(view.deployment),
                            .where = "spec.version",
                            .says = std::to_string(spec.version),
                            .time = {}}},
              .next = fmt::format("slipway deploy {} --version {}", view.deployment.name, version->version),
              .hint = "when it is meant to serve"};
  for (const Event& event : view.events)
    if (event.object == "modelversion/" + version->name() && event.reason == name(Reason::kPushed))
      add_once(cause, evidence_of(event));
  return cause;
}

// The root decides. Nobody answers: that is wrong too, unless the first revision is still on its way.
Verdict verdict_of(const View& view, const std::vector<Cause>& causes) {
  const bool unserved = std::ranges::find(causes, Reason::kNoReadyReplica, &Cause::reason) != causes.end();
  switch (row_of(causes.front().reason).weight) {
    case Weight::kFault:
      return Verdict::kWrong;
    case Weight::kHold:
      return Verdict::kWaiting;
    case Weight::kStep:
      // What is on its way was given up already, or replaces what has gone.
      if (std::ranges::find(causes, Reason::kProgressDeadlineExceeded, &Cause::reason) != causes.end())
        return Verdict::kWrong;
      return unserved && view.deployment.status.stable() ? Verdict::kWrong : Verdict::kChanging;
    case Weight::kFine:
    case Weight::kNews:
      break;
  }
  return Verdict::kWell;
}

std::string summary_of(const View& view, Verdict verdict, const Cause& root) {
  const std::string& deployment = view.deployment.name;
  const domain::Condition* serving = domain::find_condition(view.deployment.status.conditions, "Serving");
  const bool answers = serving && serving->status == domain::ConditionStatus::kTrue;
  const char* meanwhile = answers ? "requests are answered" : "no request is answered";
  switch (verdict) {
    case Verdict::kWell:
      return fmt::format("nothing is wrong with {}; {}", deployment, meanwhile);
    case Verdict::kChanging:
      return fmt::format("nothing is wrong with {}, it changes; {}", deployment, meanwhile);
    case Verdict::kWaiting:
      return fmt::format("{} waits: {}; {}", deployment, name(root.reason), meanwhile);
    case Verdict::kWrong:
      break;
  }
  return fmt::format("{} is not as its spec wants it: {}; {}", deployment, name(root.reason), meanwhile);
}

}  // namespace

std::string_view name(Verdict verdict) {
  constexpr std::string_view kNames[] = {"well", "changing", "waiting", "wrong"};
  return kNames[static_cast<int>(verdict)];
}

Answer explain(const View& view) {
  Answer out;
  out.causes = causes_of(view, signals_of(view));
  const bool well = out.causes.empty() || row_of(out.causes.front().reason).weight == Weight::kFine;
  const bool at_zero = !out.causes.empty() && out.causes.front().reason == Reason::kScaledToZero;
  if (well && !at_zero) out.causes.insert(out.causes.begin(), as_wanted(view));
  if (well)
    if (auto newer = not_deployed(view)) out.causes.push_back(std::move(*newer));
  out.verdict = verdict_of(view, out.causes);
  out.summary = summary_of(view, out.verdict, out.causes.front());
  out.decided = last_decision(view);
  return out;
}

}  // namespace slipway::why
