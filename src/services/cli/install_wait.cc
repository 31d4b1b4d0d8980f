#include "services/cli/install_wait.h"

#include <algorithm>
#include <thread>

#include <nlohmann/json.hpp>

#include "services/cli/install_apply.h"

namespace slipway::cli {
namespace {

using json::Document;
using namespace std::chrono_literals;

int number(const Document& object, std::string_view name) {
  const Document& value = json::member(object, name);
  return value.is_number_integer() ? value.get<int>() : 0;
}

std::string reason_and_message(const Document& object) {
  const std::string reason = json::text_of(object, "reason"), message = json::text_of(object, "message");
  return message.empty() ? reason : reason + ": " + message;
}

// A container that cannot run, or a pod that no node takes.
std::string trouble_of(const Document& pod) {
  const Document& status = json::member(pod, "status");
  for (const Document& container : json::member(status, "containerStatuses")) {
    const Document& state = json::member(container, "state");
    const Document& waiting = json::member(state, "waiting");
    const std::string reason = json::text_of(waiting, "reason");
    if (!reason.empty() && reason != "ContainerCreating" && reason != "PodInitializing")
      return reason_and_message(waiting);
    if (state.contains("terminated")) return reason_and_message(state["terminated"]);
  }
  for (const Document& condition : json::member(status, "conditions"))
    if (json::text_of(condition, "type") == "PodScheduled" && json::text_of(condition, "status") == "False")
      return reason_and_message(condition);
  return "";
}

// No pod could even be made: a quota, or Pod Security.
std::string failure_of(const Document& deployment) {
  for (const Document& condition : json::member(json::member(deployment, "status"), "conditions"))
    if (json::text_of(condition, "type") == "ReplicaFailure" && json::text_of(condition, "status") == "True")
      return reason_and_message(condition);
  return "";
}

kube::Reply<Readiness> look(kube::Client& client, const std::string& ns, const std::string& name) {
  const auto live =
      find_live(client, ref_of({{"kind", "Deployment"}, {"metadata", {{"name", name}, {"namespace", ns}}}}));
  if (!live) return kube::refuse(live.error());
  if (!*live) return Readiness{.name = name, .trouble = "it is not there"};
  Readiness first = readiness_of(**live, {});
  if (first.complete()) return first;
  const std::string component = name.substr(name.rfind('-') + 1);
  const auto list = client.list(
      {.resource = {"", "v1", "pods"},
       .ns = ns,
       .label_selector = fmt::format("{}=slipway,app.kubernetes.io/component={}", kPartOf, component)});
  if (!list) return first;  // whoever installs need not be allowed to see pods
  std::vector<Document> pods;
  for (const kube::Object& pod : list->items)
    if (auto document = json::parse_document(pod.json)) pods.push_back(std::move(*document));
  return readiness_of(**live, pods);
}

std::string list_of(const std::vector<Readiness>& all) {
  std::string out;
  for (const Readiness& each : all)
    if (!each.complete()) out += (out.empty() ? "" : "; ") + each.str();
  return out;
}

}  // namespace

std::string Readiness::str() const {
  return fmt::format("{}: {} of {} ready{}", name, ready, wanted,
                     trouble.empty() ? "" : fmt::format(" ({})", trouble));
}

Readiness readiness_of(const Document& deployment, const std::vector<Document>& pods) {
  const Document& spec = json::member(deployment, "spec");
  const Document& status = json::member(deployment, "status");
  Readiness out{.name = json::text_of(json::member(deployment, "metadata"), "name"),
                .wanted = spec.contains("replicas") ? number(spec, "replicas") : 1};
  const bool seen = number(status, "observedGeneration") >= number(deployment["metadata"], "generation");
  const int old = number(status, "replicas") - number(status, "updatedReplicas");
  const int available = number(status, "availableReplicas") - old;
  out.ready = seen ? std::clamp(available, 0, number(status, "updatedReplicas")) : 0;
  if (out.complete()) return out;
  out.trouble = failure_of(deployment);
  for (const Document& pod : pods)
    if (out.trouble.empty()) out.trouble = trouble_of(pod);
  return out;
}

Status await_ready(kube::Client& client, const ReadyWait& wait) {
  const runtime::RealClock clock;
  const TimePoint end = clock.now() + wait.patience;
  std::vector<Readiness> shown;
  while (true) {
    std::vector<Readiness> all;
    for (const std::string& name : wait.deployments) {
      auto now = look(client, wait.ns, name);
      if (!now && !base::retryable(now.error().error.code)) return fail(now.error().error);
      all.push_back(now ? std::move(*now) : Readiness{.name = name, .trouble = now.error().error.message});
    }
    if (all != shown) wait.show(all);
    shown = all;
    if (std::all_of(all.begin(), all.end(), [](const Readiness& each) { return each.complete(); }))
      return ok();
    if (clock.now() >= end)
      return fail(Code::kTimeout, "it takes longer than was to be waited: {}", list_of(all));
    std::this_thread::sleep_for(500ms);
  }
}

}  // namespace slipway::cli
