#include "services/cli/install_apply.h"

#include <algorithm>
#include <array>
#include <thread>

#include <nlohmann/json.hpp>

#include "values/base/bug.h"

namespace slipway::cli {
namespace {

using json::Document;
using namespace std::chrono_literals;

struct KindRow {
  std::string_view kind, group, version, plural;
  kube::Scope scope = kube::Scope::kNamespaced;
};

constexpr std::array<KindRow, 16> kKinds{{
    {"Namespace", "", "v1", "namespaces", kube::Scope::kCluster},
    {"CustomResourceDefinition", "apiextensions.k8s.io", "v1", "customresourcedefinitions",
     kube::Scope::kCluster},
    {"ClusterRole", "rbac.authorization.k8s.io", "v1", "clusterroles", kube::Scope::kCluster},
    {"ClusterRoleBinding", "rbac.authorization.k8s.io", "v1", "clusterrolebindings", kube::Scope::kCluster},
    {"Role", "rbac.authorization.k8s.io", "v1", "roles"},
    {"RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings"},
    {"ServiceAccount", "", "v1", "serviceaccounts"},
    {"Service", "", "v1", "services"},
    {"Secret", "", "v1", "secrets"},
    {"PersistentVolumeClaim", "", "v1", "persistentvolumeclaims"},
    {"Deployment", "apps", "v1", "deployments"},
    {"PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"},
    {"NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"},
    {"Ingress", "networking.k8s.io", "v1", "ingresses"},
    {"HTTPRoute", "gateway.networking.k8s.io", "v1", "httproutes"},
    {"Lease", "coordination.k8s.io", "v1", "leases"},
}};

Document parse(const std::string& text) {
  auto document = json::parse_document(text, {.bytes = 16 << 20});
  return document ? std::move(*document) : Document();
}

// What stays when nothing has changed: a dry run has a version of its own.
Document without_versions(Document object) {
  if (!object.contains("metadata")) return object;
  for (const char* name : {"managedFields", "resourceVersion", "generation"}) object["metadata"].erase(name);
  return object;
}

Change change_of(const Document& before, const Document& after, kube::DryRun dry_run) {
  const bool same = dry_run == kube::DryRun::kServer
                        ? without_versions(before) == without_versions(after)
                        : before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"];
  return same ? Change::kUnchanged : Change::kConfigured;
}

// Somebody else decides how many there are: kubectl scale, or an autoscaler.
bool only_replicas(const kube::ApiError& error) {
  return error.status == 409 && !error.causes.empty() &&
         std::all_of(error.causes.begin(), error.causes.end(),
                     [](const kube::Cause& cause) { return cause.field == ".spec.replicas"; });
}

kube::ApiError with_next_step(kube::ApiError error) {
  if (error.status == 409 && !error.causes.empty())
    error.error.message +=
        "\nOthers have set these fields. --force-conflicts sets them back to what install says; else take "
        "them out "
        "of what the others apply.";
  if (error.status == 404)
    error.error.message +=
        "\nThe namespace or this kind is not there: --create-namespace makes the one; what "
        "HTTPRoutes need is installed with the Gateway API.";
  return error;
}

Changed named(const Document& object) {
  const kube::ObjectRef ref = ref_of(object);
  return {.kind = json::text_of(object, "kind"), .ns = ref.ns, .name = ref.name};
}

}  // namespace

std::string_view name(Change change) {
  static constexpr std::array<std::string_view, 5> kNames{"created", "configured", "unchanged", "deleted",
                                                          "kept"};
  return kNames[static_cast<size_t>(change)];
}

std::string Changed::title() const {
  std::string out = kind;
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out + "/" + name;
}

kube::ObjectRef ref_of(const Document& object) {
  const std::string kind = json::text_of(object, "kind");
  const Document& metadata = json::member(object, "metadata");
  for (const KindRow& row : kKinds)
    if (row.kind == kind)
      return {
          .resource = {std::string(row.group), std::string(row.version), std::string(row.plural), row.scope},
          .ns = json::text_of(metadata, "namespace"),
          .name = json::text_of(metadata, "name")};
  BUG("install makes no {}", kind);
  return {};
}

kube::Reply<std::optional<Document>> find_live(kube::Client& client, const kube::ObjectRef& ref) {
  const auto live = client.get(ref);
  if (live) return std::optional<Document>(parse(live->json));
  if (live.error().status == 404) return std::optional<Document>();
  return kube::refuse(live.error());
}

kube::Reply<Changed> apply_object(kube::Client& client, const Document& object, const ApplyOptions& options) {
  const kube::ObjectRef ref = ref_of(object);
  const auto before = find_live(client, ref);
  if (!before) return kube::refuse(before.error());
  const kube::WriteOptions write{.dry_run = options.dry_run, .field_manager = kInstallManager};
  const std::string text = json::canonical(object);
  auto after = client.patch(ref, {.kind = options.conflicts, .json = text}, write);
  Changed out = named(object);
  if (!after && options.replicas == ApplyOptions::Replicas::kLeftToOthers && only_replicas(after.error())) {
    Document rest = object;
    rest["spec"].erase("replicas");
    const std::string rest_text = json::canonical(rest);
    after = client.patch(ref, {.kind = options.conflicts, .json = rest_text}, write);
    out.note = "others decide how many replicas there are";
  }
  if (!after) return kube::refuse(with_next_step(after.error()));
  out.change = *before ? change_of(**before, parse(after->json), options.dry_run) : Change::kCreated;
  return out;
}

std::vector<Document> leftovers(const std::vector<Document>& candidates,
                                const std::vector<Document>& wanted) {
  std::vector<Document> out;
  for (const Document& each : candidates) {
    const kube::ObjectRef ref = ref_of(each);
    const bool is_wanted = std::any_of(wanted.begin(), wanted.end(), [&](const Document& other) {
      const kube::ObjectRef of = ref_of(other);
      return of.resource == ref.resource && of.name == ref.name;
    });
    const bool holds_models = ref.resource.plural == "persistentvolumeclaims";
    if (!is_wanted && !holds_models) out.push_back(each);
  }
  return out;
}

bool is_installed_by_us(const Document& live) {
  const Document& managers = json::member(json::member(live, "metadata"), "managedFields");
  return managers.is_array() && std::any_of(managers.begin(), managers.end(), [](const Document& each) {
           return json::text_of(each, "manager") == kInstallManager;
         });
}

bool belongs_to(const Document& live, const std::string& ns) {
  const Document& labels = json::member(json::member(live, "metadata"), "labels");
  if (json::text_of(labels, kPartOf) != "slipway") return false;
  const std::string from = json::text_of(labels, kInstalledFrom);
  return from.empty() ? json::text_of(live["metadata"], "namespace") == ns : from == ns;
}

kube::Reply<Changed> remove_object(kube::Client& client, const Document& live, kube::DryRun dry_run) {
  Changed out = named(live);
  const auto removed = client.remove(
      ref_of(live),
      {.uid = json::text_of(live["metadata"], "uid"), .resource_version = "", .dry_run = dry_run});
  if (!removed && removed.error().status != 404) return kube::refuse(removed.error());
  out.change = Change::kDeleted;
  return out;
}

Status await_established(kube::Client& client, const std::string& definition, Duration patience) {
  const kube::ObjectRef ref =
      ref_of({{"kind", "CustomResourceDefinition"}, {"metadata", {{"name", definition}}}});
  const runtime::RealClock clock;
  const TimePoint end = clock.now() + patience;
  std::string said = "it is not there";
  while (true) {
    const auto live = find_live(client, ref);
    if (!live) return fail(live.error().error);
    const Document status = *live ? json::member(**live, "status") : Document();
    for (const Document& condition : json::member(status, "conditions")) {
      if (condition["type"] == "Established" && condition["status"] == "True") return ok();
      said = json::text_of(condition, "message");
    }
    if (clock.now() >= end)
      return fail(Code::kTimeout, "{}: the API server does not take such objects yet: {}", definition, said);
    std::this_thread::sleep_for(100ms);
  }
}

}  // namespace slipway::cli
