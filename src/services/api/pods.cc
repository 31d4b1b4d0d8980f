#include "services/api/internal/pods.h"

#include <algorithm>

#include "values/base/digest.h"
#include "values/domain/endpoint_slice.h"
#include "values/json/writer.h"
#include "values/schema/table.h"

namespace slipway::api {
namespace {

using domain::ReplicaObserved;
using domain::ReplicaState;
using json::Document;

// The same replica has the same uid at every look: kubectl holds on to it.
std::string uid_of(const std::string& name) {
  const std::string hex = base::sha256(name).hex();
  return fmt::format("{}-{}-4{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 3),
                     hex.substr(15, 3), hex.substr(18, 12));
}

const char* phase_of(ReplicaState state) {
  return state == ReplicaState::kPreparing || state == ReplicaState::kStarting ? "Pending" : "Running";
}

// In the words that kubectl's users know for a container that waits.
std::string status_of(const ReplicaObserved& replica) {
  switch (replica.state) {
    case ReplicaState::kReady:
      return "Running";
    case ReplicaState::kDraining:
      return "Terminating";
    case ReplicaState::kBackingOff:
      return replica.fault ? std::string(name(replica.fault->reason)) : "CrashLoopBackOff";
    default:
      return std::string(name(replica.state));
  }
}

Document container_status(const ReplicaObserved& replica) {
  const bool runs = replica.state == ReplicaState::kReady || replica.state == ReplicaState::kDraining ||
                    replica.state == ReplicaState::kHanging;
  Document state = Document::object();
  if (runs)
    state["running"] = Document::object();
  else
    state["waiting"] = {{"reason", status_of(replica)}};
  if (!runs && replica.fault) state["waiting"]["message"] = replica.fault->message;
  return {{"name", "server"},
          {"ready", replica.state == ReplicaState::kReady},
          {"restartCount", replica.failures},
          {"image", ""},
          {"imageID", ""},
          {"state", std::move(state)}};
}

bool selected(const Document& pod, const std::vector<FieldTerm>& fields) {
  return std::ranges::all_of(fields, [&](const FieldTerm& term) {
    const size_t dot = term.field.find('.');
    const std::string value =
        json::text_of(json::member(pod, term.field.substr(0, dot)), term.field.substr(dot + 1));
    return (value == term.value) == term.equal;
  });
}

void append_row(const Document& pod, RowObject row_object, WallTime now, std::string& out) {
  const Document& container = pod["status"]["containerStatuses"][0];
  Document cells = schema::row_cells(pod_definition(), pod, now);
  cells[1] = container["ready"] == true ? "1/1" : "0/1";
  Document row{{"cells", std::move(cells)}};
  if (row_object == RowObject::kWhole) row["object"] = pod;
  if (row_object == RowObject::kMetadata)
    row["object"] = {
        {"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/v1"}, {"metadata", pod["metadata"]}};
  out += json::canonical(row);
}

}  // namespace

const schema::Definition& pod_definition() {
  static const schema::Definition kPod{
      .group = "",
      .version = "v1",
      .kind = "Pod",
      .list_kind = "PodList",
      .plural = "pods",
      .singular = "pod",
      .short_names = {"po"},
      .categories = {},
      .columns = {{.name = "Ready",
                   .type = "string",
                   .format = "",
                   .description = "Containers that are ready, of all.",
                   .path = ""},
                  {.name = "Status",
                   .type = "string",
                   .format = "",
                   .description = "What it does now.",
                   .path = ".status.reason"},
                  {.name = "Restarts",
                   .type = "integer",
                   .format = "",
                   .description = "How often it ended by itself since it was last ready for a while.",
                   .path = ".status.containerStatuses[0].restartCount"},
                  {.name = "Revision",
                   .type = "string",
                   .format = "",
                   .description = "The revision that it runs.",
                   .path = ".status.revision",
                   .priority = 1}},
      .structural = nullptr,
      .schema = std::move(*schema::Schema::compile({{"type", "object"}}, {}))};
  return kPod;
}

Document to_pod(const ReplicaObserved& replica, const std::string& space) {
  const bool ready = replica.state == ReplicaState::kReady;
  return {{"kind", "Pod"},
          {"apiVersion", "v1"},
          {"metadata",
           {{"name", replica.name},
            {"namespace", space},
            {"uid", uid_of(replica.name)},
            {"labels",
             {{domain::kDeploymentLabel, replica.deployment}, {domain::kServiceLabel, replica.revision}}}}},
          {"spec", {{"containers", {{{"name", "server"}, {"image", ""}}}}}},
          {"status",
           {{"phase", phase_of(replica.state)},
            {"reason", status_of(replica)},
            {"message", replica.fault ? replica.fault->message : ""},
            {"revision", replica.revision},
            {"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}},
            {"containerStatuses", {container_status(replica)}}}}};
}

tl::expected<std::vector<Document>, Failure> select_pods(const std::vector<ReplicaObserved>& replicas,
                                                         const std::string& space, const ListQuery& query) {
  for (const FieldTerm& term : query.fields)
    if (term.field != "metadata.name" && term.field != "metadata.namespace" && term.field != "status.phase")
      return tl::unexpected(bad_request("field label not supported: " + term.field));
  std::vector<Document> out;
  for (const ReplicaObserved& replica : replicas) {
    const domain::Labels labels{{std::string(domain::kDeploymentLabel), replica.deployment},
                                {std::string(domain::kServiceLabel), replica.revision}};
    if (!query.labels.matches(labels)) continue;
    Document pod = to_pod(replica, space);
    if (selected(pod, query.fields)) out.push_back(std::move(pod));
  }
  std::ranges::sort(out, {}, [](const Document& pod) { return pod["metadata"]["name"].get<std::string>(); });
  return out;
}

std::string encode_pods(const std::vector<Document>& pods, Asked asked, const View& view, WallTime now) {
  if (view.form == Form::kObject && asked == Asked::kOne) return json::canonical(pods[0]);
  // No number of a change: what runs is looked at, not stored.
  constexpr std::string_view kMeta = R"({"resourceVersion":"1"})";
  std::string out;
  if (view.form == Form::kTable)
    append_table_head(pod_definition(), kMeta, Columns::kShown, out);
  else
    out = fmt::format(R"({{"apiVersion":"v1","kind":"PodList","metadata":{},"items":[)", kMeta);
  for (const Document& pod : pods) {
    if (&pod != pods.data()) out += ',';
    if (view.form == Form::kTable)
      append_row(pod, view.row_object, now, out);
    else
      out += json::canonical(pod);
  }
  return out + "]}";
}

}  // namespace slipway::api
