#include "services/cli/cluster_status.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "services/cli/resources.h"
#include "services/cli/screen.h"
#include "services/cli/table.h"
#include "system/runtime/clock.h"
#include "values/domain/units.h"
#include "values/json/document.h"

namespace slipway::cli {
namespace {

using json::Document;
using json::member;
using json::text_of;

constexpr const char* kParts =
    "app.kubernetes.io/part-of=slipway,app.kubernetes.io/component in (control,gateway)";
constexpr const char* kGatewayPods = "app.kubernetes.io/part-of=slipway,app.kubernetes.io/component=gateway";
constexpr const char* kComponent = "app.kubernetes.io/component";
constexpr const char* kVersion = "app.kubernetes.io/version";
constexpr const char* kLease = "slipway-control";
constexpr int kAdminPort = 8081;

const kube::Resource kDeployments{.group = "apps", .version = "v1", .plural = "deployments"};
const kube::Resource kLeases{.group = "coordination.k8s.io", .version = "v1", .plural = "leases"};

int number_of(const Document& object, std::string_view name, int otherwise) {
  const Document& value = member(object, name);
  return value.is_number_integer() ? value.get<int>() : otherwise;
}

PartSeen part_of(const Document& deployment) {
  const Document& metadata = member(deployment, "metadata");
  const Document& labels = member(metadata, "labels");
  return {.name = text_of(labels, kComponent),
          .ready = number_of(member(deployment, "status"), "readyReplicas", 0),
          .desired = number_of(member(deployment, "spec"), "replicas", 1),
          .version = text_of(labels, kVersion)};
}

// The pods of a Deployment are named after it.
bool belongs(const PodSeen& pod, const Document& deployment) {
  return pod.name.starts_with(text_of(member(deployment, "metadata"), "name") + "-");
}

}  // namespace

std::vector<PartSeen> parts_of(const std::vector<Document>& deployments, const std::vector<PodSeen>& pods) {
  std::vector<PartSeen> out;
  for (const Document& deployment : deployments) {
    PartSeen& part = out.emplace_back(part_of(deployment));
    for (const PodSeen& pod : pods)
      if (part.trouble.empty() && !pod.ready && !pod.leaving && belongs(pod, deployment))
        if (const std::string trouble = pod.trouble(); !trouble.empty())
          part.trouble = fmt::format("{}: {}", pod.name, trouble);
  }
  std::ranges::sort(out, {}, &PartSeen::name);
  return out;
}

std::string leader_of(const Document& lease, WallTime now) {
  const Document& spec = member(lease, "spec");
  std::string time = text_of(spec, "renewTime");  // in microseconds, which do not matter here
  if (const size_t dot = time.find('.'); dot != std::string::npos) time = time.substr(0, dot) + "Z";
  const auto renewed = domain::parse_time(time);
  const int seconds = number_of(spec, "leaseDurationSeconds", 0);
  if (!renewed || *renewed + std::chrono::seconds(seconds) < now) return "";
  return text_of(spec, "holderIdentity");
}

ClusterSeen look_at_cluster(const Platform& platform, kube::Client& client) {
  const kube::Access& access = platform.access;
  ClusterSeen out{
      .context = access.context, .server = access.server, .ns = access.ns, .options = platform.options()};
  if (const auto server = platform.server()) out.version = server->version;
  const auto list = client.list(
      {.resource = kDeployments, .ns = access.ns, .label_selector = kParts, .field_selector = ""});
  if (!list) {
    out.problem = platform.explain(list.error());
    return out;
  }
  std::vector<Document> deployments;
  for (const kube::Object& item : list->items)
    if (auto document = json::parse_document(item.json)) deployments.push_back(std::move(*document));
  const auto pods = list_pods(platform, client, kParts);
  out.parts = parts_of(deployments, pods ? *pods : std::vector<PodSeen>{});
  if (const auto lease = client.get({kLeases, access.ns, kLease}))
    if (const auto document = json::parse_document(lease->json))
      out.leader = leader_of(*document, runtime::RealClock().wall());
  return out;
}

std::optional<std::vector<MetricSample>> scrape_gateways(const Platform& platform, kube::Client& client) {
  const auto pods = list_pods(platform, client, kGatewayPods);
  if (!pods) return std::nullopt;
  std::optional<std::vector<MetricSample>> out;
  for (const PodSeen& pod : *pods) {
    if (!pod.ready) continue;
    const auto text = client.get_text(fmt::format("/api/v1/namespaces/{}/pods/{}:{}/proxy/metrics",
                                                  platform.access.ns, pod.name, kAdminPort));
    auto samples = text ? parse_metrics(*text) : Result<std::vector<MetricSample>>(fail(text.error().error));
    if (!samples) continue;
    if (!out) out.emplace();
    std::ranges::move(*samples, std::back_inserter(*out));
  }
  return out;
}

std::string cluster_text(const ClusterSeen& seen) {
  std::string out =
      fmt::format("context {} ({}), namespace {}{}\n", safe(seen.context), safe(seen.server), safe(seen.ns),
                  seen.version.empty() ? "" : ", Kubernetes " + safe(seen.version));
  if (!seen.problem.empty()) return out + inked(seen.problem, Ink::kBad) + "\n";
  if (seen.parts.empty())
    return out + fmt::format(
                     "neither control nor a gateway runs in this namespace; `slipway install{} -n {} "
                     "--apply` makes them\n",
                     safe(seen.options), safe(seen.ns));
  Table table{.head = {"PART", "READY", "VERSION", "LEADER"}, .rows = {}};
  for (const PartSeen& each : seen.parts)
    table.rows.push_back({safe(each.name), fmt::format("{}/{}", each.ready, each.desired),
                          each.version.empty() ? "-" : safe(each.version),
                          each.name != "control" ? "-"
                          : seen.leader.empty()  ? "none"
                                                 : safe(seen.leader)});
  out += to_text(table);
  for (const PartSeen& each : seen.parts)
    if (!each.trouble.empty()) out += inked(safe(each.trouble), Ink::kBad) + "\n";
  return out;
}

Document cluster_document(const ClusterSeen& seen) {
  Document out{{"context", seen.context}, {"server", seen.server},   {"namespace", seen.ns},
               {"version", seen.version}, {"problem", seen.problem}, {"parts", Document::array()}};
  for (const PartSeen& each : seen.parts) {
    Document part{
        {"name", each.name}, {"ready", each.ready}, {"desired", each.desired}, {"version", each.version}};
    if (!each.trouble.empty()) part["trouble"] = each.trouble;
    if (each.name == "control") part["leader"] = seen.leader;
    out["parts"].push_back(std::move(part));
  }
  return out;
}

}  // namespace slipway::cli
