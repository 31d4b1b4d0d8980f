#include "services/control/deployments.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "decide/reconcile/reconcile.h"
#include "system/runtime/failpoint.h"
#include "system/runtime/log.h"

namespace slipway::control {
namespace {

using domain::Action;
using domain::ActionKind;
using domain::ModelVersion;
using domain::Reason;
using namespace std::chrono_literals;

constexpr const char* kActor = "control/deployments";
constexpr Duration kFirstRefusal = 1s, kLongestRefusal = 30s;

// In the words of the closed list.
rollout::Fault fault_of(const Error& error) {
  const Reason reason = error.code == Code::kExhausted ? Reason::kInsufficientMemory
                        : error.code == Code::kDenied  ? Reason::kDiskFull
                                                       : Reason::kEnvironmentUnavailable;
  return {reason, error.message};
}

}  // namespace

Deployments::Deployments(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(parts),
      status_writes_(parts.metrics.counter("slipway_control_status_writes", "Statuses that were written.")),
      actions_(parts.metrics.counter("slipway_control_actions", "Actions that the environment was told.")),
      conflicts_(
          parts.metrics.counter("slipway_control_conflicts", "Status writes that lost against another.")) {}

Status Deployments::reconcile(const std::string& name, const domain::Observation& observation,
                              const Pass& pass) {
  store::ObjectPtr object = parts_.deployments.find(name);
  if (!object) return end_if_gone(name, observation, pass);
  const domain::Observation part = reconcile::part_of(observation, name);
  const auto known = parsed(object);
  if (!known) {
    // The API admits none like it; when one is there all the same, only its next change can help.
    runtime::log::error("control", "a deployment cannot be read",
                        {{"pass", pass.id}, {"error", known.error().message}});
    return ok();
  }
  const domain::ModelDeployment& deployment = **known;
  const rollout::Target target = rollout::resolve(deployment, versions_for(deployment));
  const rollout::Decision decision = rollout::decide({.deployment = deployment,
                                                      .target = target,
                                                      .observation = part,
                                                      .refused = refused_of(name),
                                                      .now = pass.wall,
                                                      .seen = pass.seen,
                                                      .started = pass.started},
                                                     options_.rollout);
  if (decision.changing)
    changing_.insert(name);
  else
    changing_.erase(name);
  // Nothing is written when nothing changed: at rest there are no writes.
  auto written = decision.status == deployment.status ? Result<store::ObjectPtr>(object)
                                                      : write_status(object, decision);
  if (!written) return fail(written.error());
  for (const rollout::Note& note : decision.notes) {
    runtime::log::info("control", "decided",
                       {{"pass", pass.id},
                        {"deployment", name},
                        {"reason", domain::name(note.reason)},
                        {"says", note.message}});
    parts_.recorder.record(**written, note, pass.wall);
  }
  return act(reconcile::plan(name, &decision.status, part), pass);
}

Result<store::ObjectPtr> Deployments::write_status(const store::ObjectPtr& object,
                                                   const rollout::Decision& decision) {
  std::string text = domain::to_status(decision.status);
  const auto* condition = domain::find_condition(decision.status.conditions, "Progressing");
  const Reason reason = !decision.notes.empty() ? decision.notes.front().reason
                        : condition             ? condition->reason
                                                : Reason::kReady;
  FAILPOINT("control.before_status");
  auto written = parts_.store.update_status(
      object->key, std::move(text),
      {.uid = object->meta.uid, .resource_version = object->meta.resource_version},
      {.actor = {kActor}, .reason = std::string(domain::name(reason)), .request_id = {}});
  FAILPOINT("control.after_status");
  if (!written) {
    if (written.error().code == Code::kConflict) conflicts_.add();
    return written;
  }
  status_writes_.add();
  parts_.deployments.put(*written);
  return written;
}

// What is known may come from a list that is older than the deployment; what serves is not ended on that.
Status Deployments::end_if_gone(const std::string& name, const domain::Observation& observation,
                                const Pass& pass) {
  const auto there = parts_.store.get({domain::Kind::kModelDeployment, options_.space, name});
  if (there) return ok();  // its news will come
  if (there.error().code != Code::kNotFound) return fail(there.error());
  return end(name, observation, pass);
}

Status Deployments::end(const std::string& name, const domain::Observation& observation, const Pass& pass) {
  const auto actions = reconcile::plan(name, nullptr, reconcile::part_of(observation, name));
  parsed_.erase(name);
  if (actions.empty()) {
    changing_.erase(name);
    parts_.recorder.forget({domain::Kind::kModelDeployment, options_.space, name});
  } else {
    changing_.insert(name);
  }
  std::erase_if(refused_, [&](const auto& each) { return each.second.deployment == name; });
  return act(actions, pass);
}

Status Deployments::act(const std::vector<Action>& actions, const Pass& pass) {
  Status first;
  for (const Action& action : actions) {
    const auto refused = refused_.find(action.revision.name);
    if (refused != refused_.end() && refused->second.waits(action, pass.now)) continue;
    FAILPOINT("control.before_apply");
    acted_ = true;
    const Status done = parts_.environment.apply(action);
    FAILPOINT("control.after_apply");
    actions_.add();
    if (done) {
      refused_.erase(action.revision.name);
      continue;
    }
    Refused& entry = refused_[action.revision.name];
    const Duration wait = std::min(kFirstRefusal * (1 << std::min(entry.times, 5)), kLongestRefusal);
    entry = {.deployment = action.revision.deployment,
             .fault = fault_of(done.error()),
             .replicas = action.replicas,
             .again = pass.now + wait,
             .times = entry.times + 1};
    runtime::log::warn(
        "control", "the environment did not take an action",
        {{"pass", pass.id}, {"revision", action.revision.name}, {"error", done.error().message}});
    if (first) first = done;
  }
  return first;
}

Result<const domain::ModelDeployment*> Deployments::parsed(const store::ObjectPtr& object) {
  domain::ModelDeployment& out = parsed_[object->key.name];
  if (out.resource_version == object->meta.resource_version && out.uid == object->meta.uid) return &out;
  auto deployment = domain::parse_model_deployment(*object);
  if (!deployment) return fail(deployment.error());
  out = std::move(*deployment);
  return &out;
}

const ModelVersion* Deployments::version(const store::ObjectPtr& object) {
  if (!object) return nullptr;
  Version& out = versions_[object->key.name];
  if (out.resource_version != object->meta.resource_version) {
    out.resource_version = object->meta.resource_version;
    const auto content = json::parse_document(object->content);
    auto version =
        content ? domain::parse_model_version(*content) : Result<ModelVersion>(fail(content.error()));
    out.version = version ? std::optional(std::move(*version)) : std::nullopt;
  }
  return out.version ? &*out.version : nullptr;
}

// Those of its model, and those that its revisions are of.
std::vector<ModelVersion> Deployments::versions_for(const domain::ModelDeployment& deployment) {
  std::vector<ModelVersion> out;
  const auto& objects = parts_.versions.objects();
  const std::string prefix = deployment.spec.model + "-";
  for (auto at = objects.lower_bound(prefix); at != objects.end() && at->first.starts_with(prefix); ++at)
    if (const ModelVersion* each = version(at->second); each && each->model == deployment.spec.model)
      out.push_back(*each);
  for (const domain::RevisionStatus& revision : deployment.status.revisions) {
    if (revision.revision.model == deployment.spec.model) continue;
    const auto name = fmt::format("{}-{}", revision.revision.model, revision.revision.version);
    if (const ModelVersion* each = version(parts_.versions.find(name))) out.push_back(*each);
  }
  return out;
}

std::map<std::string, rollout::Fault, std::less<>> Deployments::refused_of(
    const std::string& deployment) const {
  std::map<std::string, rollout::Fault, std::less<>> out;
  for (const auto& [revision, refused] : refused_)
    if (refused.deployment == deployment) out.emplace(revision, refused.fault);
  return out;
}

}  // namespace slipway::control
