#include "services/cli/rollout_view.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "services/cli/resources.h"
#include "values/domain/units.h"
#include "values/schema/table.h"

namespace slipway::cli {
namespace {

using domain::Condition;
using domain::ConditionStatus;
using domain::ModelDeployment;
using domain::Phase;
using domain::Reason;
using domain::RevisionStatus;

const Condition* condition(const ModelDeployment& deployment, std::string_view type) {
  return domain::find_condition(deployment.status.conditions, type);
}

std::string fault_text(const RevisionStatus& revision) {
  if (!revision.fault) return "";
  return fmt::format("{}: {}", name(revision.fault->reason), safe(revision.fault->message));
}

// A revision of that version which gets the requests by weights alone, with the settings that the spec has.
const RevisionStatus* warm(const ModelDeployment& deployment, int64_t version) {
  for (const RevisionStatus& each : deployment.status.revisions) {
    if (each.revision.version != version || each.revision.model != deployment.spec.model ||
        each.revision.settings != deployment.spec.settings || each.ready == 0)
      continue;
    if (each.phase == Phase::kServing) return &each;
    if (each.phase == Phase::kKept && each.ready >= each.desired) return &each;
  }
  return nullptr;
}

// The version to go back to when none is said.
Result<int64_t> version_before(const ModelDeployment& deployment) {
  const RevisionStatus* stable = deployment.status.stable();
  if (stable && stable->revision.version != deployment.spec.version) return stable->revision.version;
  const RevisionStatus* newest = nullptr;
  for (const RevisionStatus& each : deployment.status.revisions)
    if (each.phase == Phase::kKept && each.revision.version != deployment.spec.version &&
        (!newest || each.since > newest->since))
      newest = &each;
  if (newest) return newest->revision.version;
  return fail(Code::kInvalid,
              "deployment {} keeps no version before {} warm; say which: `slipway rollout rollback {} --to "
              "VERSION`, an ordinary change (`slipway get mv` lists the versions)",
              deployment.name, deployment.spec.version, deployment.name);
}

}  // namespace

std::string_view name(Standing standing) {
  constexpr std::string_view kNames[] = {"Waiting", "UnderWay", "Paused", "Complete", "Failed"};
  return kNames[static_cast<int>(standing)];
}

Standing standing(const ModelDeployment& deployment) {
  const Condition* change = condition(deployment, "Progressing");
  if (deployment.status.observed_generation < deployment.generation || !change) return Standing::kWaiting;
  if (change->status == ConditionStatus::kFalse) return Standing::kFailed;
  if (change->reason == Reason::kPaused) return Standing::kPaused;
  const Condition* ready = condition(deployment, "Ready");
  const bool complete = change->reason == Reason::kRolloutComplete && ready != nullptr &&
                        ready->status == ConditionStatus::kTrue;
  return complete ? Standing::kComplete : Standing::kUnderWay;
}

std::string cause_text(const ModelDeployment& deployment) {
  if (standing(deployment) == Standing::kWaiting) return "control has not taken the change in yet";
  const Condition* change = condition(deployment, "Progressing");
  const Condition* ready = condition(deployment, "Ready");
  const bool settled = change->reason == Reason::kRolloutComplete && ready != nullptr;
  const Condition& shown = settled ? *ready : *change;
  return fmt::format("{}: {}", name(shown.reason), safe(shown.message));
}

Table revisions_table(const ModelDeployment& deployment, WallTime now) {
  Table table{.head = {"REVISION", "VERSION", "PHASE", "WEIGHT", "READY", "SINCE", "FAULT"}, .rows = {}};
  for (const RevisionStatus& each : deployment.status.revisions)
    table.rows.push_back(
        {safe(each.revision.name), fmt::format("{}", each.revision.version), std::string(name(each.phase)),
         fmt::format("{} %", each.weight), fmt::format("{}/{}", each.ready, each.desired),
         each.since == WallTime{} ? "" : schema::human_age(each.since, now), fault_text(each)});
  return table;
}

std::string progress_line(const ModelDeployment& deployment) {
  std::string out;
  for (const RevisionStatus& each : deployment.status.revisions)
    out += fmt::format("{}{} {} {} % {}/{}", out.empty() ? "" : ", ", safe(each.revision.name),
                       name(each.phase), each.weight, each.ready, each.desired);
  return fmt::format("{}{}{}", out, out.empty() ? "" : "; ", cause_text(deployment));
}

std::string rollout_text(const ModelDeployment& deployment, WallTime now) {
  std::string out = fmt::format("{}: version {} of {} is wanted, {} replica{}; {}\n", deployment.name,
                                deployment.spec.version, deployment.spec.model, deployment.spec.replicas,
                                deployment.spec.replicas == 1 ? "" : "s", name(standing(deployment)));
  if (!deployment.status.revisions.empty()) out += to_text(revisions_table(deployment, now));
  for (const char* type : {"Ready", "Serving", "Progressing"})
    if (const Condition* each = condition(deployment, type))
      out += fmt::format("{:<12} {:<8} {}: {}\n", type, name(each->status), name(each->reason),
                         safe(each->message));
  return out;
}

json::Document rollout_document(const ModelDeployment& deployment) {
  const auto status = json::parse_document(domain::to_status(deployment.status));
  json::Document out{{"name", deployment.name},
                     {"model", deployment.spec.model},
                     {"version", deployment.spec.version},
                     {"generation", deployment.generation},
                     {"standing", name(standing(deployment))},
                     {"cause", cause_text(deployment)}};
  out["status"] = status ? *status : json::Document::object();
  return out;
}

Duration longest_change(const domain::RolloutSpec& rollout) {
  Duration out = rollout.deadline + std::chrono::minutes(1);
  for (const domain::RolloutStep& step : rollout.steps) out += step.hold;
  return out;
}

Result<WayBack> plan_way_back(const ModelDeployment& deployment, std::optional<int64_t> to) {
  const auto version = to ? Result<int64_t>(*to) : version_before(deployment);
  if (!version) return fail(version.error());
  if (*version == deployment.spec.version)
    return fail(Code::kInvalid,
                "deployment {} wants version {} already; `slipway rollout status {}` shows it",
                deployment.name, *version, deployment.name);
  const RevisionStatus* back = warm(deployment, *version);
  WayBack out{.version = *version,
              .text = fmt::format("{}: back from version {} to {}", deployment.name, deployment.spec.version,
                                  *version)};
  if (back)
    out.text += fmt::format(", at once: {} is warm", back->revision.name);
  else
    out.text += ", not at once: it is not warm, so this is an ordinary change";
  if (deployment.spec.rollout.paused && !back)
    out.text += fmt::format(", and the deployment is paused (`slipway rollout resume {}`)", deployment.name);
  return out;
}

}  // namespace slipway::cli
