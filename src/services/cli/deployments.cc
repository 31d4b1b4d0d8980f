#include "services/cli/deployments.h"

#include <fmt/ranges.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "services/cli/resources.h"

namespace slipway::cli {
namespace {

using domain::ModelDeployment;

constexpr size_t kWaiting = 1'000;  // states of a watch; who does not look loses the oldest

kube::ListQuery all_of(domain::Kind kind, const std::string& ns) {
  return {.resource = resource_of(kind), .ns = ns, .label_selector = "", .field_selector = ""};
}

kube::WatchQuery watch_of(const std::string& ns, const std::string& name) {
  return {.resource = resource_of(domain::Kind::kModelDeployment),
          .ns = ns,
          .label_selector = "",
          .field_selector = "metadata.name=" + name,
          .start = kube::WatchQuery::Start::kListFirst,
          .resource_version = ""};
}

}  // namespace

Result<ModelDeployment> parse_deployment(const std::string& json) {
  const auto document = json::parse_document(json);
  if (!document) return fail(document.error());
  const auto object = domain::to_object(domain::Kind::kModelDeployment, *document);
  if (!object) return fail(object.error());
  return domain::parse_model_deployment(*object);
}

std::string meant_or_known(const std::string& name, const std::vector<std::string>& known) {
  constexpr size_t kShown = 10;
  if (const std::string meant = suggest(name, known); !meant.empty())
    return fmt::format("; did you mean '{}'?", meant);
  if (known.empty()) return "; there is none yet: `slipway deploy NAME` makes one";
  const std::vector<std::string> shown(known.begin(),
                                       known.begin() + static_cast<long>(std::min(known.size(), kShown)));
  return fmt::format("; there {} {}{}", known.size() == 1 ? "is" : "are", fmt::join(shown, ", "),
                     known.size() > kShown ? ", …" : "");
}

Result<ModelDeployment> find_deployment(const Platform& platform, kube::Client& client,
                                        const std::string& name) {
  const std::string& ns = platform.access.ns;
  const auto found = client.get({resource_of(domain::Kind::kModelDeployment), ns, name});
  if (found) return parse_deployment(found->json);
  if (found.error().reason != "NotFound") return fail(platform.explained(found.error()));
  const auto all = client.list(all_of(domain::Kind::kModelDeployment, ns));
  std::vector<std::string> known;
  if (all)
    for (const kube::Object& item : all->items) known.push_back(item.name);
  return fail(Code::kNotFound, "there is no deployment '{}'{}", safe(name), meant_or_known(name, known));
}

Result<std::vector<ModelDeployment>> list_deployments(const Platform& platform, kube::Client& client) {
  const auto list = client.list(all_of(domain::Kind::kModelDeployment, platform.access.ns));
  if (!list) return fail(platform.explained(list.error()));
  std::vector<ModelDeployment> out;
  for (const kube::Object& item : list->items) {
    auto deployment = parse_deployment(item.json);
    if (!deployment) return fail(base::within(item.name, deployment.error()));
    out.push_back(std::move(*deployment));
  }
  return out;
}

Result<std::vector<domain::ModelVersion>> list_versions(const Platform& platform, kube::Client& client) {
  const auto list = client.list(all_of(domain::Kind::kModelVersion, platform.access.ns));
  if (!list) return fail(platform.explained(list.error()));
  std::vector<domain::ModelVersion> out;
  for (const kube::Object& item : list->items) {
    const auto document = json::parse_document(item.json);
    if (!document) continue;
    if (auto version = domain::parse_model_version(*document)) out.push_back(std::move(*version));
  }
  return out;
}

Result<ModelDeployment> patch_deployment(const Platform& platform, kube::Client& client,
                                         const std::string& name, const json::Document& patch) {
  const std::string text = json::canonical(patch);
  const auto changed = client.patch({resource_of(domain::Kind::kModelDeployment), platform.access.ns, name},
                                    {.kind = kube::PatchKind::kMerge, .json = text});
  if (!changed) return fail(platform.explained(changed.error()));
  return parse_deployment(changed->json);
}

DeploymentWatch::DeploymentWatch(const Platform& platform, std::string name)
    : platform_(platform),
      name_(std::move(name)),
      watch_(platform.access, watch_of(platform.access.ns, name_), clock_),
      thread_([this] { read(); }) {}

DeploymentWatch::~DeploymentWatch() {
  watch_.stop();
  thread_.join();
}

void DeploymentWatch::read() {
  while (!watch_.stopped()) {
    const auto event = watch_.next();
    if (!event && event.error().expired()) continue;  // it lists again by itself
    if (!event) return put(fail(platform_.explained(event.error())));
    if (event->type == kube::WatchEvent::Type::kBookmark) continue;
    if (event->type == kube::WatchEvent::Type::kDeleted)
      return put(fail(Code::kNotFound, "deployment {} was deleted", name_));
    put(parse_deployment(event->object.json));
  }
}

void DeploymentWatch::put(Result<ModelDeployment> state) {
  {
    const runtime::MutexLock lock(mutex_);
    states_.push_back(std::move(state));
    if (states_.size() > kWaiting) states_.pop_front();
  }
  changed_.notify_all();
}

Result<std::optional<ModelDeployment>> DeploymentWatch::next(Duration wait) {
  const runtime::MutexLock lock(mutex_);
  if (states_.empty()) changed_.wait_for(mutex_, wait);
  if (states_.empty()) return std::nullopt;
  Result<ModelDeployment> state = std::move(states_.front());
  states_.pop_front();
  if (!state) return fail(state.error());
  return std::move(*state);
}

}  // namespace slipway::cli
