#include "decide/why/testing/life.h"

namespace slipway::why {

Life::Life(rollout::Story story) : story_(std::move(story)) { remember(); }

Life Life::serving() {
  return Life(rollout::Story::serving({.version = 1, .replicas = 1, .settings = {}, .rollout = {}}));
}
Life Life::first() {
  return Life(rollout::Story({.version = 1, .replicas = 1, .settings = {}, .rollout = {}}));
}

void Life::look() {
  story_.look();
  remember();
}

void Life::change() {
  story_.spec().version = 2;
  look();
}

void Life::fails(int failures, Reason reason, std::string message) {
  story_.failing(2, failures, {reason, std::move(message)});
  look();
}

std::string Life::revision(int64_t version) const {
  for (const auto& each : story_.status().revisions)
    if (each.revision.version == version) return each.revision.name;
  return "?";
}

domain::ModelDeployment Life::deployment() {
  return {.space = "default",
          .name = "credit",
          .generation = story_.status().observed_generation,
          .spec = story_.spec(),
          .status = story_.status()};
}

std::vector<domain::EndpointSlice> Life::endpoints() const {
  std::vector<domain::EndpointSlice> out;
  for (const auto& each : story_.status().revisions) {
    domain::EndpointSlice slice{.name = each.revision.name, .revision = each.revision.name, .endpoints = {}};
    for (int i = 0; i < each.ready; ++i)
      slice.endpoints.push_back({.replica = fmt::format("{}-{}", each.revision.name, i), .ready = true});
    out.push_back(std::move(slice));
  }
  return out;
}

Answer Life::why() {
  const domain::ModelDeployment now = deployment();
  return explain(
      {.deployment = now, .versions = versions, .events = events, .endpoints = endpoints(), .now = {}});
}

// What was decided, as Events, all in one second.
void Life::remember() {
  for (const rollout::Note& note : story_.notes()) {
    const std::string time = "2026-01-01T00:00:00Z";
    events.push_back({.object = "modeldeployment/credit",
                      .reason = std::string(name(note.reason)),
                      .message = note.message,
                      .warning = note.tone == rollout::Tone::kWarning,
                      .first = time,
                      .last = time,
                      .version = events.size() + 1});
  }
}

std::vector<Reason> reasons(const Answer& answer) {
  std::vector<Reason> out;
  for (const Cause& cause : answer.causes) out.push_back(cause.reason);
  return out;
}

std::vector<std::string> evidence(const Cause& cause) {
  std::vector<std::string> out;
  for (const Evidence& each : cause.evidence) out.push_back(fmt::format("{}: {}", each.where, each.says));
  return out;
}

domain::ModelVersion version_of(int64_t number, std::string datatype) {
  return {.model = "credit",
          .version = number,
          .artifact = fmt::format("credit@sha256:{:064}", number),
          .digest = fmt::format("sha256:{:064}", number),
          .format = "ONNX",
          .inputs = {{.name = "x", .datatype = std::move(datatype), .shape = {-1, 3}}},
          .outputs = {{.name = "y", .datatype = "FP32", .shape = {-1}}}};
}

}  // namespace slipway::why
