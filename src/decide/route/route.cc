#include "decide/route/route.h"

#include <algorithm>

namespace slipway::route {
namespace {

using domain::Condition;
using domain::Reason;

enum class Which : uint8_t { kReady, kTerminating };

std::vector<domain::Endpoint> endpoints_of(std::string_view revision, const Slices& slices, Which which) {
  std::vector<domain::Endpoint> out;
  const auto [begin, end] = slices.equal_range(revision);
  for (auto at = begin; at != end; ++at)
    for (const domain::Endpoint& endpoint : at->second.endpoints)
      if (which == Which::kReady ? endpoint.ready && !endpoint.terminating : endpoint.terminating)
        out.push_back(endpoint);
  const auto by_replica = [](const auto& a, const auto& b) { return a.replica < b.replica; };
  std::sort(out.begin(), out.end(), by_replica);
  out.erase(std::unique(out.begin(), out.end(),
                        [](const auto& a, const auto& b) { return a.replica == b.replica; }),
            out.end());
  return out;
}

std::vector<Revision> revisions_of(const domain::ModelDeployment& deployment) {
  std::vector<Revision> out;
  for (const domain::RevisionStatus& each : deployment.status.revisions)
    out.push_back({.name = each.revision.name,
                   .version = each.revision.version,
                   .digest = each.revision.digest,
                   .weight = each.weight,
                   .endpoints = {}});
  std::sort(out.begin(), out.end(), [](const Revision& a, const Revision& b) { return a.name < b.name; });
  return out;
}

// When all that answered are told to stop at once, they go on answering until others have come, or they have
// been quiet: better they than nobody. Not where nobody is wanted.
void fall_back(std::vector<Revision>& revisions, const Slices& slices) {
  const bool served = std::any_of(revisions.begin(), revisions.end(), [](const Revision& each) {
    return each.weight > 0 && !each.endpoints.empty();
  });
  if (served) return;
  for (Revision& each : revisions)
    if (each.weight > 0) each.endpoints = endpoints_of(each.name, slices, Which::kTerminating);
}

bool has_weight(const std::vector<Revision>& revisions) {
  return std::any_of(revisions.begin(), revisions.end(),
                     [](const Revision& each) { return each.weight > 0; });
}

void share_out(std::vector<Revision>& revisions) {
  int sum = 0;
  for (const Revision& each : revisions) sum += each.endpoints.empty() ? 0 : each.weight;
  for (Revision& each : revisions)
    each.share = sum > 0 && !each.endpoints.empty() ? static_cast<double>(each.weight) / sum : 0;
}

// Why callers get no answer, in the deployment's own words. Before anything has served, what holds the first
// revision up says more than that nothing serves; a change that goes on beside it later says nothing of that.
domain::Fault refusal_of(const domain::ModelDeployment& deployment) {
  domain::Fault nobody{Reason::kNoReadyReplica, "no replica answers"};
  const auto& conditions = deployment.status.conditions;
  const Condition* serving = domain::find_condition(conditions, "Serving");
  if (serving && serving->status == domain::ConditionStatus::kTrue) return nobody;
  const auto& revisions = deployment.status.revisions;
  const bool has_served =
      std::any_of(revisions.begin(), revisions.end(), [](const auto& each) { return each.weight > 0; });
  const bool says_why = serving && (has_served || serving->reason != Reason::kNoReadyReplica);
  const Condition* cause = says_why ? serving : domain::find_condition(conditions, "Ready");
  if (!cause || cause->status == domain::ConditionStatus::kTrue) cause = serving;
  return cause ? domain::Fault{cause->reason, cause->message} : nobody;
}

}  // namespace

const Revision* Row::find(std::string_view revision) const {
  const auto at =
      std::lower_bound(revisions.begin(), revisions.end(), revision,
                       [](const Revision& each, std::string_view name) { return each.name < name; });
  return at != revisions.end() && at->name == revision ? &*at : nullptr;
}

const Revision* Row::find_version(int64_t version) const {
  const Revision* best = nullptr;
  for (const Revision& each : revisions) {
    if (each.version != version) continue;
    const bool better = !best || each.weight > best->weight ||
                        (each.weight == best->weight && best->endpoints.empty() && !each.endpoints.empty());
    if (better) best = &each;
  }
  return best;
}

bool Row::is_ready() const {
  return std::any_of(revisions.begin(), revisions.end(), [](const Revision& each) { return each.share > 0; });
}

const Row* Table::find(std::string_view deployment) const {
  const auto at = rows.find(deployment);
  return at == rows.end() ? nullptr : at->second.get();
}

Row make_row(const domain::ModelDeployment& deployment, const Slices& slices, const Row* before) {
  Row row{.deployment = deployment.name,
          .revisions = revisions_of(deployment),
          .timeout = deployment.spec.settings.timeout,
          .queue = deployment.spec.settings.queue,
          .refusal = refusal_of(deployment)};
  if (!has_weight(row.revisions) && before && has_weight(before->revisions))
    row.revisions = before->revisions;
  for (Revision& each : row.revisions) each.endpoints = endpoints_of(each.name, slices, Which::kReady);
  if (deployment.spec.replicas > 0) fall_back(row.revisions, slices);
  share_out(row.revisions);
  return row;
}

}  // namespace slipway::route
