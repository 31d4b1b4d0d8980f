// Of a deployment that is not there.
#include <algorithm>
#include <ranges>

#include "decide/why/internal/evidence.h"
#include "decide/why/why.h"

namespace slipway::why {
namespace {

using domain::ModelVersion;

constexpr size_t kShown = 3;

std::vector<Evidence> past_of(const std::string& object, const std::vector<Event>& events) {
  std::vector<Event> own;
  std::ranges::copy_if(events, std::back_inserter(own),
                       [&](const Event& event) { return event.object == object; });
  std::ranges::sort(own, [](const Event& a, const Event& b) {
    return std::tie(b.last, b.version, a.reason) < std::tie(a.last, a.version, b.reason);
  });
  std::vector<Evidence> out;
  for (const Event& event : own | std::views::take(kShown)) out.push_back(evidence_of(event));
  return out;
}

const ModelVersion* newest(const std::vector<ModelVersion>& versions, std::string_view model) {
  const ModelVersion* out = nullptr;
  for (const ModelVersion& version : versions)
    if (version.model == model && (!out || version.version > out->version)) out = &version;
  return out;
}

}  // namespace

Answer explain_missing(std::string_view deployment, const std::vector<ModelVersion>& versions,
                       const std::vector<Event>& events) {
  const ModelVersion* version = newest(versions, deployment);
  Cause cause{.evidence = past_of(fmt::format("modeldeployment/{}", deployment), events)};
  if (!cause.evidence.empty()) {
    cause.reason = Reason::kDeploymentDeleted;
    cause.finding = fmt::format("the deployment {} was deleted; Events tell of it still", deployment);
  } else if (version) {
    cause.reason = Reason::kPushed;
    cause.finding = fmt::format("the model {} was pushed and never deployed", deployment);
  } else {
    cause.reason = Reason::kVersionNotFound;
    cause.finding = fmt::format("there is neither a deployment nor a model that is called {}", deployment);
  }
  if (version)
    cause.evidence.push_back({.object = "modelversion/" + version->name(),
                              .where = "spec.digest",
                              .says = version->digest,
                              .time = {}});
  cause.next = version ? fmt::format("slipway deploy {} --version {}", deployment, version->version)
                       : std::string("slipway get mv");
  return {.verdict = Verdict::kWrong,
          .summary = fmt::format("there is no deployment {}", deployment),
          .causes = {std::move(cause)},
          .decided = {}};
}

}  // namespace slipway::why
