// What status shows.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "services/cli/resources.h"
#include "services/cli/rollout_view.h"
#include "services/cli/screen.h"
#include "services/cli/status.h"
#include "values/schema/table.h"

namespace slipway::cli {
namespace {

using domain::ConditionStatus;
using domain::ModelDeployment;
using domain::Phase;
using domain::RevisionStatus;
using json::Document;

struct Count {
  int ready = 0, desired = 0;
};

// Of the revisions that answer or are on their way to it.
Count replicas(const ModelDeployment& deployment) {
  Count out;
  for (const RevisionStatus& each : deployment.status.revisions) {
    if (each.phase != Phase::kLoading && each.phase != Phase::kShifting && each.phase != Phase::kServing)
      continue;
    out.ready += each.ready;
    out.desired += each.desired;
  }
  return out;
}

// "3 90 %, 4 10 %"
std::string weights_text(const ModelDeployment& deployment) {
  std::string out;
  for (const RevisionStatus& each : deployment.status.revisions)
    if (each.weight > 0 || each.phase == Phase::kLoading)
      out += fmt::format("{}v{} {} %", out.empty() ? "" : ", ", each.revision.version, each.weight);
  return out.empty() ? "-" : out;
}

std::string seconds_text(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  if (*seconds < 1e-3) return fmt::format("{:.0f} µs", *seconds * 1e6);
  return *seconds < 1 ? fmt::format("{:.1f} ms", *seconds * 1e3) : fmt::format("{:.2f} s", *seconds);
}

const domain::Condition* ready_condition(const ModelDeployment& deployment) {
  return domain::find_condition(deployment.status.conditions, "Ready");
}

std::string state_text(const ModelDeployment& deployment) {
  const domain::Condition* ready = ready_condition(deployment);
  if (!ready || standing(deployment) == Standing::kWaiting) return "Waiting";
  return std::string(name(ready->reason));
}

Table deployments_table(const PlatformSeen& seen, WallTime now) {
  Table table{.head = {"DEPLOYMENT", "MODEL", "VERSION", "WEIGHTS", "READY", "STATE", "SINCE"}, .rows = {}};
  const bool traffic = !seen.traffic.empty();
  if (traffic) table.head.insert(table.head.end(), {"REQ/S", "P50", "P99"});
  for (const ModelDeployment& each : seen.deployments) {
    const Count count = replicas(each);
    const domain::Condition* ready = ready_condition(each);
    const auto since = ready ? schema::parse_rfc3339(ready->since) : std::nullopt;
    auto& row = table.rows.emplace_back(
        std::vector<std::string>{safe(each.name), safe(each.spec.model), fmt::format("{}", each.spec.version),
                                 weights_text(each), fmt::format("{}/{}", count.ready, count.desired),
                                 state_text(each), since ? schema::human_age(*since, now) : "-"});
    if (!traffic) continue;
    const auto known = seen.traffic.find(each.name);
    const Traffic had = known == seen.traffic.end() ? Traffic{} : known->second;
    row.insert(row.end(),
               {fmt::format("{:.1f}", had.per_second), seconds_text(had.p50), seconds_text(had.p99)});
  }
  return table;
}

// The ones that need somebody's eye, with their cause.
std::string notes(const PlatformSeen& seen) {
  std::string out;
  for (const ModelDeployment& each : seen.deployments) {
    const Standing stands = standing(each);
    if (stands == Standing::kComplete) continue;
    const Ink ink = stands == Standing::kFailed ? Ink::kBad : Ink::kPlain;
    out += fmt::format("{}: {}\n", inked(each.name, ink), cause_text(each));
    if (stands == Standing::kFailed) out += fmt::format("  `slipway why {}` says more\n", each.name);
  }
  return out.empty() ? "" : "\n" + out;
}

std::string processes_text(const PlatformSeen& seen) {
  Table table{.head = {"PROCESS", "STATE", "PID", "ADDRESS"}, .rows = {}};
  for (const ProcessSeen& each : seen.processes)
    table.rows.push_back({each.name, each.holder ? "runs" : "does not run",
                          each.holder ? fmt::format("{}", *each.holder) : "-",
                          each.address.empty() ? "-" : each.address});
  return table.rows.empty() ? "" : to_text(table);
}

Document to_document(const Traffic& traffic) {
  Document out{{"perSecond", traffic.per_second}};
  if (traffic.p50) out["p50Seconds"] = *traffic.p50;
  if (traffic.p99) out["p99Seconds"] = *traffic.p99;
  return out;
}

Document to_document(const ModelDeployment& deployment, const PlatformSeen& seen) {
  const Count count = replicas(deployment);
  Document out = rollout_document(deployment);
  out["replicas"] = {{"ready", count.ready}, {"desired", count.desired}};
  if (const auto known = seen.traffic.find(deployment.name); known != seen.traffic.end())
    out["traffic"] = to_document(known->second);
  return out;
}

}  // namespace

std::string status_text(const PlatformSeen& seen, WallTime now) {
  std::string out;
  if (!seen.data.empty()) out += fmt::format("data folder {}\n", seen.data);
  if (seen.cluster) out += cluster_text(*seen.cluster);
  out += processes_text(seen);
  if (!seen.limits.empty())
    out += fmt::format("replicas are held to their limits by {}\n", safe(seen.limits));
  if (!seen.problem.empty()) return out + "\n" + inked(seen.problem, Ink::kBad) + "\n";
  if (seen.deployments.empty()) return out + "\nno deployments; `slipway deploy NAME` makes one\n";
  return out + "\n" + to_text(deployments_table(seen, now)) + notes(seen);
}

Document status_document(const PlatformSeen& seen) {
  Document out{{"data", seen.data},
               {"limits", seen.limits},
               {"problem", seen.problem},
               {"processes", Document::array()},
               {"deployments", Document::array()}};
  if (seen.cluster) out["cluster"] = cluster_document(*seen.cluster);
  for (const ProcessSeen& each : seen.processes) {
    Document process{{"name", each.name}, {"runs", each.holder.has_value()}, {"address", each.address}};
    if (each.holder) process["pid"] = *each.holder;
    out["processes"].push_back(std::move(process));
  }
  for (const ModelDeployment& each : seen.deployments) out["deployments"].push_back(to_document(each, seen));
  return out;
}

}  // namespace slipway::cli
