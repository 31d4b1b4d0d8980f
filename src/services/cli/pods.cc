#include "services/cli/pods.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "values/json/document.h"

namespace slipway::cli {
namespace {

using json::Document;
using json::member;
using json::text_of;

constexpr uint16_t kGatewayPort = 8080;
constexpr std::string_view kGateways =
    "app.kubernetes.io/part-of=slipway,app.kubernetes.io/component=gateway";

const kube::Resource kPods{.group = "", .version = "v1", .plural = "pods"};

int number_of(const Document& object, std::string_view name) {
  const Document& value = member(object, name);
  return value.is_number_integer() ? value.get<int>() : 0;
}

ContainerSeen container_of(const Document& status, bool init) {
  const Document& state = member(status, "state");
  const Document& ended = member(state, "terminated");
  const Document& waits = member(state, "waiting");
  ContainerSeen out{.name = text_of(status, "name"), .init = init};
  out.restarts = number_of(status, "restartCount");
  out.ended = ended.is_object() && number_of(ended, "exitCode") == 0;
  if (out.ended) return out;
  for (const Document* each : {&waits, &ended}) {
    if (out.reason.empty()) out.reason = text_of(*each, "reason");
    if (out.message.empty()) out.message = text_of(*each, "message");
  }
  return out;
}

// "PodInitializing" and its like are the order of things.
bool is_trouble(const ContainerSeen& container) {
  return !container.reason.empty() && container.reason != "PodInitializing" &&
         container.reason != "ContainerCreating";
}

void read_conditions(const Document& status, PodSeen& out) {
  for (const Document& condition : member(status, "conditions")) {
    const std::string kind = text_of(condition, "type");
    const bool holds = text_of(condition, "status") == "True";
    if (kind == "Ready") out.ready = holds;
    if (kind == "PodScheduled" && !holds && out.reason.empty()) {
      out.reason = text_of(condition, "reason");
      out.message = text_of(condition, "message");
    }
  }
}

uint16_t http_port_of(const Document& spec) {
  for (const Document& container : member(spec, "containers"))
    for (const Document& port : member(container, "ports"))
      if (text_of(port, "name") == "http")
        if (const int number = number_of(port, "containerPort"); number > 0 && number <= UINT16_MAX)
          return static_cast<uint16_t>(number);
  return 0;
}

std::string install_gateway(const Platform& platform) {
  return fmt::format("Next step: `slipway install{} -n {} --only gateway --apply`", platform.options(),
                     platform.access.ns);
}

}  // namespace

std::string PodSeen::trouble() const {
  if (!reason.empty()) return reason;
  for (const ContainerSeen& each : containers)
    if (is_trouble(each)) return fmt::format("{}: {}", each.name, each.reason);
  if (leaving) return "it is ending";
  return ready || phase == "Running" ? "" : phase;
}

Result<PodSeen> parse_pod(const std::string& json) {
  const auto pod = json::parse_document(json);
  if (!pod) return fail(pod.error());
  const Document& metadata = member(*pod, "metadata");
  const Document& status = member(*pod, "status");
  PodSeen out{.name = text_of(metadata, "name"),
              .node = text_of(member(*pod, "spec"), "nodeName"),
              .phase = text_of(status, "phase"),
              .leaving = member(metadata, "deletionTimestamp").is_string(),
              .http_port = http_port_of(member(*pod, "spec")),
              .reason = text_of(status, "reason"),
              .message = text_of(status, "message")};
  if (out.name.empty()) return fail(Code::kInvalid, "a pod without a name");
  read_conditions(status, out);
  for (const Document& each : member(status, "initContainerStatuses"))
    out.containers.push_back(container_of(each, true));
  for (const Document& each : member(status, "containerStatuses"))
    out.containers.push_back(container_of(each, false));
  return out;
}

Result<std::vector<PodSeen>> list_pods(const Platform& platform, kube::Client& client,
                                       const std::string& selector) {
  const auto list = client.list(
      {.resource = kPods, .ns = platform.access.ns, .label_selector = selector, .field_selector = ""});
  if (!list) return fail(platform.explained(list.error()));
  std::vector<PodSeen> out;
  for (const kube::Object& item : list->items)
    if (auto pod = parse_pod(item.json)) out.push_back(std::move(*pod));
  std::ranges::sort(out, {}, &PodSeen::name);
  return out;
}

Result<kube::PodPort> choose_gateway(const Platform& platform, const std::vector<PodSeen>& gateways) {
  const PodSeen* chosen = nullptr;
  for (const PodSeen& each : gateways)
    if (each.ready && (!chosen || (chosen->leaving && !each.leaving))) chosen = &each;
  const std::string& ns = platform.access.ns;
  if (chosen)
    return kube::PodPort{
        .ns = ns, .pod = chosen->name, .port = chosen->http_port == 0 ? kGatewayPort : chosen->http_port};
  if (gateways.empty())
    return fail(Code::kNotFound, "no gateway runs in namespace {} of {}. {}", ns, platform.str(),
                install_gateway(platform));
  const std::string trouble = gateways.front().trouble();
  return fail(Code::kUnavailable,
              "no gateway in namespace {} of {} is ready{}. Next step: `kubectl describe pod {} -n {}`", ns,
              platform.str(), trouble.empty() ? "" : fmt::format(" ({}: {})", gateways.front().name, trouble),
              gateways.front().name, ns);
}

kube::Reply<kube::PodPort> find_gateway(const Platform& platform) {
  const auto pods = list_pods(platform, *platform.client(), std::string(kGateways));
  if (!pods) return kube::refuse(pods.error());
  auto chosen = choose_gateway(platform, *pods);
  if (!chosen) return kube::refuse(chosen.error());
  return std::move(*chosen);
}

}  // namespace slipway::cli
