#include "values/domain/model_deployment.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "values/domain/units.h"

namespace slipway::domain {
namespace {

using json::Document;
using json::member;
using json::text_of;

constexpr std::array<std::pair<Phase, std::string_view>, 6> kPhases{{{Phase::kLoading, "Loading"},
                                                                     {Phase::kShifting, "Shifting"},
                                                                     {Phase::kServing, "Serving"},
                                                                     {Phase::kKept, "Kept"},
                                                                     {Phase::kDraining, "Draining"},
                                                                     {Phase::kFailed, "Failed"}}};

int64_t number_of(const Document& object, std::string_view name, int64_t otherwise = 0) {
  const Document& number = member(object, name);
  return number.is_number_integer() ? number.get<int64_t>() : otherwise;
}

int int_of(const Document& object, std::string_view name, int otherwise = 0) {
  return static_cast<int>(std::clamp<int64_t>(number_of(object, name, otherwise), -1, 1'000'000));
}

bool flag_of(const Document& object, std::string_view name) {
  const Document& flag = member(object, name);
  return flag.is_boolean() && flag.get<bool>();
}

WallTime time_of(const Document& object, std::string_view name) {
  return parse_time(text_of(object, name)).value_or(WallTime{});
}

// Reads a quantity where there is one; the first that is none is remembered.
class Quantities {
 public:
  template <class T, class Parse>
  void read(const Document& object, std::string_view name, T& out, Parse parse) {
    const std::string text = text_of(object, name);
    if (text.empty()) return;
    const auto value = parse(text);
    if (value)
      out = *value;
    else if (status_)
      status_ = fail(base::within(name, value.error()));
  }
  const Status& status() const { return status_; }

 private:
  Status status_;
};

RolloutSpec read_rollout(const Document& rollout, Quantities& in) {
  RolloutSpec out;
  if (text_of(rollout, "strategy") == "canary") out.strategy = Strategy::kCanary;
  if (text_of(rollout, "onFailure") == "pause") out.on_failure = OnFailure::kPause;
  out.paused = flag_of(rollout, "paused");
  out.allow_signature_change = flag_of(rollout, "allowSignatureChange");
  in.read(rollout, "keep", out.keep, parse_duration);
  in.read(rollout, "deadline", out.deadline, parse_duration);
  for (const Document& each : member(rollout, "steps")) {
    RolloutStep& step = out.steps.emplace_back();
    step.weight = std::clamp(int_of(each, "weight", 1), 1, 99);
    in.read(each, "hold", step.hold, parse_duration);
  }
  return out;
}

Result<ModelDeploymentSpec> read_spec(const Document& spec) {
  ModelDeploymentSpec out{.model = text_of(spec, "model"),
                          .version = number_of(spec, "version"),
                          .replicas = int_of(spec, "replicas", 1),
                          .settings = {},
                          .rollout = {}};
  Quantities in;
  const Document& resources = member(spec, "resources");
  const Document& limits = member(spec, "limits");
  in.read(resources, "cpu", out.settings.cpu_millis, parse_cpu);
  in.read(resources, "memory", out.settings.memory_bytes, parse_bytes);
  in.read(limits, "timeout", out.settings.timeout, parse_duration);
  out.settings.queue = number_of(limits, "queue");
  out.rollout = read_rollout(member(spec, "rollout"), in);
  if (!in.status()) return fail(in.status().error());
  if (out.model.empty() || out.version < 1)
    return fail(Code::kInvalid, "not a ModelDeployment: spec.model and spec.version are needed");
  return out;
}

std::optional<Fault> read_fault(const Document& fault) {
  const auto reason = parse_reason(text_of(fault, "reason"));
  if (!reason) return std::nullopt;
  return Fault{.reason = *reason, .message = text_of(fault, "message")};
}

// A revision in status is its spec, with what is observed of it beside.
Result<RevisionStatus> read_revision(const Document& item, const std::string& deployment) {
  if (!item.is_object()) return fail(Code::kInvalid, "a revision in the status is no object");
  Document spec = item;
  spec["deployment"] = deployment;
  auto revision = parse_revision(spec);
  if (!revision) return fail(revision.error());
  RevisionStatus out{.revision = std::move(*revision),
                     .weight = int_of(item, "weight"),
                     .ready = int_of(item, "ready"),
                     .desired = int_of(item, "desired"),
                     .phase = Phase::kDraining,
                     .since = time_of(item, "since"),
                     .fault = read_fault(member(item, "fault"))};
  const std::string phase = text_of(item, "phase");
  for (const auto& [each, text] : kPhases)
    if (text == phase) out.phase = each;
  return out;
}

RolloutStatus read_rollout_status(const Document& rollout) {
  return {.step = int_of(rollout, "step", -1),
          .step_since = time_of(rollout, "stepSince"),
          .progress = time_of(rollout, "progress"),
          .failed_in = number_of(rollout, "failedIn"),
          .held_by = text_of(rollout, "heldBy")};
}

Result<ModelDeploymentStatus> read_status(const Document& status, const std::string& deployment) {
  ModelDeploymentStatus out{.observed_generation = number_of(status, "observedGeneration"),
                            .desired_replicas = int_of(status, "desiredReplicas"),
                            .replicas = int_of(status, "replicas"),
                            .selector = text_of(status, "selector"),
                            .conditions = {},
                            .revisions = {},
                            .rollout = read_rollout_status(member(status, "rollout")),
                            .url = text_of(status, "url")};
  auto conditions = parse_conditions(member(status, "conditions"));
  if (!conditions) return fail(conditions.error());
  out.conditions = std::move(*conditions);
  for (const Document& item : member(status, "revisions")) {
    auto revision = read_revision(item, deployment);
    if (!revision) return fail(revision.error());
    out.revisions.push_back(std::move(*revision));
  }
  return out;
}

void put_time(Document& into, const char* name, WallTime time) {
  if (time != WallTime{}) into[name] = base::rfc3339(time);
}

Document to_document(const RevisionStatus& revision) {
  Document out = to_document(revision.revision);
  out.erase("deployment");
  out["weight"] = revision.weight;
  out["ready"] = revision.ready;
  out["desired"] = revision.desired;
  out["phase"] = std::string(name(revision.phase));
  put_time(out, "since", revision.since);
  if (revision.fault)
    out["fault"] = {{"reason", std::string(name(revision.fault->reason))},
                    {"message", revision.fault->message}};
  return out;
}

Document to_document(const RolloutStatus& rollout) {
  Document out = Document::object();
  if (rollout.step >= 0) out["step"] = rollout.step;
  put_time(out, "stepSince", rollout.step_since);
  put_time(out, "progress", rollout.progress);
  if (rollout.failed_in != 0) out["failedIn"] = rollout.failed_in;
  if (!rollout.held_by.empty()) out["heldBy"] = rollout.held_by;
  return out;
}

Document rollout_content(const RolloutSpec& rollout) {
  Document out{{"strategy", rollout.strategy == Strategy::kCanary ? "canary" : "immediate"},
               {"paused", rollout.paused},
               {"keep", duration_text(rollout.keep)},
               {"deadline", duration_text(rollout.deadline)},
               {"onFailure", rollout.on_failure == OnFailure::kPause ? "pause" : "rollback"}};
  if (rollout.allow_signature_change) out["allowSignatureChange"] = true;
  for (const RolloutStep& step : rollout.steps)
    out["steps"].push_back({{"weight", step.weight}, {"hold", duration_text(step.hold)}});
  return out;
}

}  // namespace

std::string_view name(Phase phase) {
  for (const auto& [each, text] : kPhases)
    if (each == phase) return text;
  return "Draining";
}

const RevisionStatus* ModelDeploymentStatus::find(std::string_view revision) const {
  const auto at = std::find_if(revisions.begin(), revisions.end(),
                               [&](const RevisionStatus& each) { return each.revision.name == revision; });
  return at == revisions.end() ? nullptr : &*at;
}

const RevisionStatus* ModelDeploymentStatus::in_phase(Phase phase) const {
  const auto at = std::find_if(revisions.begin(), revisions.end(),
                               [&](const RevisionStatus& each) { return each.phase == phase; });
  return at == revisions.end() ? nullptr : &*at;
}

const RevisionStatus* ModelDeploymentStatus::candidate() const {
  const RevisionStatus* shifting = in_phase(Phase::kShifting);
  return shifting ? shifting : in_phase(Phase::kLoading);
}

Result<ModelDeployment> parse_model_deployment(const Object& object) {
  const auto content = json::parse_document(object.content);
  if (!content) return fail(base::within(object.key.str(), content.error()));
  auto spec = read_spec(member(*content, "spec"));
  if (!spec) return fail(base::within(object.key.str(), spec.error()));
  ModelDeployment out{.space = object.key.space,
                      .name = object.key.name,
                      .uid = object.meta.uid,
                      .resource_version = object.meta.resource_version,
                      .generation = object.meta.generation,
                      .spec = std::move(*spec),
                      .status = {}};
  if (object.status.empty()) return out;
  const auto status = json::parse_document(object.status);
  if (!status) return out;
  if (auto read = read_status(*status, out.name)) out.status = std::move(*read);
  return out;
}

Document to_content(const ModelDeploymentSpec& spec) {
  Document out{{"model", spec.model},
               {"version", spec.version},
               {"replicas", spec.replicas},
               {"rollout", rollout_content(spec.rollout)}};
  const ServingSettings& settings = spec.settings;
  if (settings.cpu_millis != 0) out["resources"]["cpu"] = fmt::format("{}m", settings.cpu_millis);
  if (settings.memory_bytes != 0) out["resources"]["memory"] = fmt::format("{}", settings.memory_bytes);
  if (settings.timeout != Duration{}) out["limits"]["timeout"] = duration_text(settings.timeout);
  if (settings.queue != 0) out["limits"]["queue"] = settings.queue;
  return {{"spec", std::move(out)}};
}

std::string to_status(const ModelDeploymentStatus& status) {
  Document out{{"observedGeneration", status.observed_generation},
               {"desiredReplicas", status.desired_replicas},
               {"replicas", status.replicas},
               {"conditions", to_document(status.conditions)},
               {"revisions", Document::array()},
               {"rollout", to_document(status.rollout)}};
  if (!status.selector.empty()) out["selector"] = status.selector;
  if (!status.url.empty()) out["url"] = status.url;
  for (const RevisionStatus& revision : status.revisions) out["revisions"].push_back(to_document(revision));
  return json::canonical(out);
}

}  // namespace slipway::domain
