#include "services/control/deployments.h"

#include <algorithm>

#include <nlohmann/json.hpp>

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

}  // namespace

void one_by_one(std::vector<std::function<void()>> tasks) {
  for (const auto& task : tasks) task();
}

Deployments::Deployments(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(parts),
      status_writes_(parts.metrics.counter("slipway_control_status_writes", "Statuses that were written.")),
      actions_(parts.metrics.counter("slipway_control_actions", "Actions that the environment was told.")),
      conflicts_(
          parts.metrics.counter("slipway_control_conflicts", "Status writes that lost against another.")) {}

std::vector<Status> Deployments::reconcile(const std::vector<std::string>& names,
                                           const reconcile::Parts& seen, const Pass& pass) {
  std::vector<Work> works;
  for (const std::string& name : names) works.push_back(decide(name, seen.of(name), pass));
  write_statuses(works);
  tell(works, pass);
  std::vector<domain::Action> actions;
  std::vector<Status> out;
  for (Work& work : works) {
    if (work.result) std::move(work.actions.begin(), work.actions.end(), std::back_inserter(actions));
    out.push_back(std::move(work.result));
  }
  act(actions, pass);
  return out;
}

Deployments::Work Deployments::decide(const std::string& name, const domain::Observation& part,
                                      const Pass& pass) {
  Work work{
      .name = name, .object = parts_.deployments.find(name), .decision = {}, .actions = {}, .result = {}};
  if (!work.object) {
    end_if_gone(work, part);
    return work;
  }
  const auto known = parsed(work.object);
  if (!known) {
    // The API admits none like it; when one is there all the same, only its next change can help.
    runtime::log::error("control", "a deployment cannot be read",
                        {{"pass", pass.id}, {"error", known.error().message}});
    work.object = nullptr;
    return work;
  }
  const domain::ModelDeployment& deployment = **known;
  const rollout::Target target = rollout::resolve(deployment, versions_for(deployment));
  work.decision = rollout::decide({.deployment = deployment,
                                   .target = target,
                                   .observation = part,
                                   .refused = refused_of(name),
                                   .now = pass.wall,
                                   .seen = pass.seen,
                                   .started = pass.started},
                                  options_.rollout);
  if (work.decision.changing)
    changing_.insert(name);
  else
    changing_.erase(name);
  work.actions = reconcile::plan({name, deployment.uid}, &work.decision.status, part);
  return work;
}

// Nothing is written when nothing changed: at rest there are no writes.
bool Deployments::is_news(const Work& work) {
  return work.object && work.decision.status != (*parsed(work.object))->status;
}

void Deployments::write_statuses(std::vector<Work>& works) {
  std::vector<std::function<void()>> writes;
  for (Work& work : works)
    if (is_news(work))
      writes.emplace_back([this, &work] {
        auto written = write_status(work.object, work.decision);
        if (written)
          work.object = std::move(*written);
        else
          work.result = fail(written.error());
      });
  options_.run_all(std::move(writes));
  for (const Work& work : works)
    if (work.object && work.result) parts_.deployments.put(work.object);
}

void Deployments::tell(const std::vector<Work>& works, const Pass& pass) {
  std::vector<std::function<void()>> events;
  for (const Work& work : works) {
    if (!work.object || !work.result) continue;
    for (const rollout::Note& note : work.decision.notes) {
      runtime::log::info("control", "decided",
                         {{"pass", pass.id},
                          {"deployment", work.name},
                          {"reason", domain::name(note.reason)},
                          {"says", note.message}});
      if (auto event = parts_.recorder.record(*work.object, note, pass.wall))
        events.push_back(std::move(event));
    }
  }
  options_.run_all(std::move(events));
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
  return written;
}

// What is known may come from a list that is older than the deployment; what serves is not ended on that.
void Deployments::end_if_gone(Work& work, const domain::Observation& part) {
  const auto there = parts_.store.get({domain::Kind::kModelDeployment, options_.space, work.name});
  if (there) return;  // its news will come
  if (there.error().code == Code::kNotFound)
    work.actions = forget(work.name, part);
  else
    work.result = fail(there.error());
}

void Deployments::end(const std::string& name, const domain::Observation& part, const Pass& pass) {
  act(forget(name, part), pass);
}

std::vector<Action> Deployments::forget(const std::string& name, const domain::Observation& part) {
  auto actions = reconcile::plan({name, ""}, nullptr, part);
  parsed_.erase(name);
  if (actions.empty()) {
    changing_.erase(name);
    parts_.recorder.forget({domain::Kind::kModelDeployment, options_.space, name});
  } else {
    changing_.insert(name);
  }
  std::erase_if(refused_, [&](const auto& each) { return each.second.deployment == name; });
  return actions;
}

// What is not taken is told again by itself, later each time; meanwhile decisions go on, and people who mend
// the spec are heard at once.
void Deployments::act(const std::vector<Action>& actions, const Pass& pass) {
  std::vector<Action> due;
  std::copy_if(actions.begin(), actions.end(), std::back_inserter(due), [&](const Action& action) {
    const auto refused = refused_.find(action.revision.name);
    return refused == refused_.end() || !refused->second.waits(action, pass.now);
  });
  if (due.empty()) return;
  FAILPOINT("control.before_apply");
  acted_ = true;
  const auto applied = parts_.environment.apply_all(due);
  FAILPOINT("control.after_apply");
  actions_.add(due.size());
  for (size_t i = 0; i < due.size(); ++i)
    if (applied[i])
      refused_.erase(due[i].revision.name);
    else
      note_refusal(due[i], applied[i].error(), pass);
}

void Deployments::note_refusal(const Action& action, const domain::Fault& fault, const Pass& pass) {
  Refused& entry = refused_[action.revision.name];
  const Duration wait = std::min(kFirstRefusal * (1 << std::min(entry.times, 5)), kLongestRefusal);
  entry = {.deployment = action.revision.deployment,
           .fault = fault,
           .replicas = action.replicas,
           .again = pass.now + wait,
           .times = entry.times + 1};
  runtime::log::warn("control", "the environment did not take an action",
                     {{"pass", pass.id}, {"revision", action.revision.name}, {"error", fault.message}});
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
