#include "services/cli/install_objects.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <nlohmann/json.hpp>

#include "services/cli/internal/install_templates.h"
#include "system/kube/yaml.h"
#include "values/base/bug.h"
#include "values/domain/definitions.h"
#include "values/domain/names.h"
#include "values/domain/units.h"

namespace slipway::cli {
namespace {

using json::Document;
using Documents = std::vector<Document>;
using Values = std::vector<std::pair<std::string, std::string>>;

// `${name}` in every text of the tree.
void fill(Document& node, const Values& values) {
  if (node.is_structured())
    for (Document& child : node) fill(child, values);
  if (!node.is_string()) return;
  std::string text = node.get<std::string>();
  for (const auto& [name, value] : values) {
    const std::string mark = "${" + name + "}";
    for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size())
      text.replace(at, mark.size(), value);
  }
  node = std::move(text);
}

Documents read(std::string_view text, const Values& values) {
  Documents out;
  const auto documents = kube::yaml_to_json(text, "a built-in template");
  if (!documents) BUG("{}", documents.error().message);
  if (!documents) return out;
  for (const kube::YamlDocument& each : *documents) {
    auto document = json::parse_document(each.json);
    if (!document) continue;  // the reader of YAML wrote it
    fill(*document, values);
    out.push_back(std::move(*document));
  }
  return out;
}

void append(Document& list, const Document& more) {
  for (const Document& each : more) list.push_back(each);
}

std::string name_of(const Document& object) { return json::text_of(object["metadata"], "name"); }

Document& pod_of(Document& deployment) { return deployment["spec"]["template"]["spec"]; }

class Maker {
 public:
  explicit Maker(const InstallOptions& options)
      : options_(options),
        values_{{"ns", options.ns},
                {"image", options.image},
                {"version", options.version},
                {"url", gateway_url(options.expose)},
                {"host", options.expose.host},
                {"gateway", options.expose.gateway},
                {"gateway-space",
                 options.expose.gateway_space.empty() ? options.ns : options.expose.gateway_space},
                {"registry-size", options.registry ? options.registry->size : ""}} {}

  Documents make() {
    const auto wants = [this](Part part) { return options_.part == Part::kAll || options_.part == part; };
    if (options_.space == InstallOptions::Space::kMade) add(read(internal::kNamespaceTemplate, values_));
    if (wants(Part::kDefinitions)) definitions();
    if (wants(Part::kControl)) control();
    if (wants(Part::kGateway)) gateway();
    if (wants(Part::kControl) || wants(Part::kGateway)) add(read(internal::kModelAccountTemplate, values_));
    if (options_.policies == InstallOptions::Policies::kStrict && options_.part != Part::kDefinitions)
      policies();
    for (Document& each : out_) finish(each);
    std::sort(out_.begin(), out_.end(), [](const Document& a, const Document& b) {
      return std::tuple(rank(a), name_of(a)) < std::tuple(rank(b), name_of(b));
    });
    return std::move(out_);
  }

 private:
  void add(Documents documents) {
    for (Document& each : documents) out_.push_back(std::move(each));
  }

  void definitions() {
    for (const std::string_view text : domain::custom_resource_definitions()) {
      auto document = json::parse_document(text);
      if (!document) BUG("a built-in definition does not parse");
      if (!document) continue;
      // Whoever takes away what is no longer wanted must not take these: every model would go with them.
      (*document)["metadata"]["annotations"] = {{"argocd.argoproj.io/sync-options", "Prune=false"},
                                                {"helm.sh/resource-policy", "keep"},
                                                {"kustomize.toolkit.fluxcd.io/prune", "disabled"}};
      out_.push_back(std::move(*document));
    }
    if (options_.reach == Reach::kAllNamespaces) add(read(internal::kClusterUsersTemplate, values_));
  }

  // Account, Role, RoleBinding, Deployment, budget, with what is the component's own.
  Documents workload(const std::string& component, std::string_view own_template) {
    Values values = values_;
    values.emplace_back("component", component);
    Documents out = read(internal::kWorkloadTemplate, values);
    const Document own = read(own_template, values).front();
    find(out, "Role")["rules"] = own["rules"];
    Document& pod = pod_of(find(out, "Deployment"));
    pod["containers"][0].merge_patch(own["container"]);
    pod.merge_patch(own["pod"]);
    for (const std::string& secret : options_.pull_secrets)
      pod["imagePullSecrets"].push_back({{"name", secret}});
    return out;
  }

  static Document& find(Documents& documents, std::string_view kind) {
    return *std::find_if(documents.begin(), documents.end(),
                         [&](const Document& each) { return json::text_of(each, "kind") == kind; });
  }

  void control() {
    Documents made = workload("control", internal::kControlTemplate);
    const Document acting = read(internal::kActingRulesTemplate, values_).front()["rules"];
    const bool everywhere = options_.reach == Reach::kAllNamespaces;
    if (!everywhere) append(find(made, "Role")["rules"], acting);
    if (everywhere) {
      Documents cluster = read(internal::kClusterControlTemplate, values_);
      cluster.front()["rules"] = acting;
      add(std::move(cluster));
    }
    Document& args = pod_of(find(made, "Deployment"))["containers"][0]["args"];
    args.push_back(everywhere ? "--all-namespaces" : "--namespace=$(POD_NAMESPACE)");
    for (const std::string& secret : options_.pull_secrets) args.push_back("--pull-secret=" + secret);
    if (!options_.cache_claim.empty()) args.push_back("--cache-claim=" + options_.cache_claim);
    if (options_.registry) registry(made);
    add(std::move(made));
  }

  // One pod may hold the claim, so the old one goes before the new one comes; what serves goes on meanwhile.
  void registry(Documents& made) {
    append(find(made, "Role")["rules"], read(internal::kRegistryRulesTemplate, values_).front()["rules"]);
    Document& deployment = find(made, "Deployment");
    deployment["spec"]["replicas"] = 1;
    deployment["spec"]["strategy"] = {{"type", "Recreate"}};
    Document& pod = pod_of(deployment);
    pod["volumes"].push_back(
        {{"name", "registry"}, {"persistentVolumeClaim", {{"claimName", "slipway-registry"}}}});
    Document& container = pod["containers"][0];
    append(container["args"], {"--registry=/registry", "--registry-listen=0.0.0.0:5000"});
    container["ports"].push_back({{"name", "registry"}, {"containerPort", 5000}, {"protocol", "TCP"}});
    container["volumeMounts"].push_back({{"name", "registry"}, {"mountPath", "/registry"}});
    Documents own = read(internal::kRegistryTemplate, values_);
    if (!options_.registry->storage_class.empty())
      find(own, "PersistentVolumeClaim")["spec"]["storageClassName"] = options_.registry->storage_class;
    add(std::move(own));
  }

  void gateway() {
    Documents made = workload("gateway", internal::kGatewayTemplate);
    find(made, "Deployment")["spec"]["replicas"] = options_.replicas;
    add(std::move(made));
    add({service()});
    const Expose& expose = options_.expose;
    if (expose.kind == Expose::Kind::kHttpRoute) add(read(internal::kRouteTemplate, values_));
    if (expose.kind != Expose::Kind::kIngress) return;
    Document ingress = read(internal::kIngressTemplate, values_).front();
    if (expose.scheme == "https")
      ingress["spec"]["tls"] = {{{"hosts", {expose.host}}, {"secretName", "slipway-gateway-tls"}}};
    add({std::move(ingress)});
  }

  Document service() {
    Document out = read(internal::kServiceTemplate, values_).front();
    const Expose& expose = options_.expose;
    if (expose.kind == Expose::Kind::kNodePort) out["spec"]["type"] = "NodePort";
    if (expose.kind == Expose::Kind::kLoadBalancer) out["spec"]["type"] = "LoadBalancer";
    if (expose.port != 0) out["spec"]["ports"][0]["nodePort"] = expose.port;
    return out;
  }

  // Of the parts that are wanted; models come with the gateway, as they do with their account.
  void policies() {
    for (Document& each : read(internal::kPoliciesTemplate, values_)) {
      const bool is_control = name_of(each) == "slipway-control";
      if (options_.part == Part::kAll || (options_.part == Part::kControl) == is_control)
        out_.push_back(std::move(each));
    }
  }

  // What every object of ours says of itself.
  void finish(Document& object) const {
    Document& metadata = object["metadata"];
    metadata["labels"][std::string(kPartOf)] = "slipway";
    const std::string kind = json::text_of(object, "kind");
    const bool of_cluster =
        kind == "CustomResourceDefinition" || kind == "Namespace" || kind.starts_with("ClusterRole");
    if (!of_cluster) metadata["namespace"] = options_.ns;
    if (kind.starts_with("ClusterRole")) metadata["labels"][std::string(kInstalledFrom)] = options_.ns;
  }

  // What others name comes before them.
  static size_t rank(const Document& object) {
    static constexpr std::array<std::string_view, 15> kOrder{"Namespace",
                                                             "CustomResourceDefinition",
                                                             "ServiceAccount",
                                                             "ClusterRole",
                                                             "ClusterRoleBinding",
                                                             "Role",
                                                             "RoleBinding",
                                                             "PersistentVolumeClaim",
                                                             "Service",
                                                             "NetworkPolicy",
                                                             "Deployment",
                                                             "PodDisruptionBudget",
                                                             "Ingress",
                                                             "HTTPRoute",
                                                             ""};
    return static_cast<size_t>(std::find(kOrder.begin(), kOrder.end(), json::text_of(object, "kind")) -
                               kOrder.begin());
  }

  const InstallOptions& options_;
  const Values values_;
  Documents out_;
};

// Registry hosts, paths, tags and digests; what else there is the container runtime says.
bool is_image(std::string_view text) {
  return !text.empty() && text.size() <= 512 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("./-_:@").find(c) != std::string_view::npos;
  });
}

Status check_named(std::string_view option, const std::string& name) {
  if (domain::check_name(name)) return ok();
  return fail(Code::kInvalid, "{} {}: that is no name of an object", option, name);
}

}  // namespace

Status check(const InstallOptions& options) {
  constexpr size_t kSpaceBytes = 63;
  if (!domain::check_name(options.ns) || options.ns.size() > kSpaceBytes ||
      options.ns.find('.') != std::string::npos)
    return fail(Code::kInvalid, "--namespace {}: that is no name of a namespace", options.ns);
  if (!is_image(options.image))
    return fail(Code::kInvalid,
                "--image {}: an image is named as REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST",
                options.image);
  if (options.replicas < 1 || options.replicas > 1000)
    return fail(Code::kInvalid, "--replicas {}: the gateway needs between 1 and 1000", options.replicas);
  for (const std::string& secret : options.pull_secrets)
    if (Status fine = check_named("--pull-secret", secret); !fine) return fine;
  if (!options.cache_claim.empty())
    if (Status fine = check_named("--cache-claim", options.cache_claim); !fine) return fine;
  if (options.registry && !domain::parse_bytes(options.registry->size))
    return fail(Code::kInvalid, "--registry-size {}: a size is written as 10Gi", options.registry->size);
  if (options.registry && options.reach == Reach::kAllNamespaces)
    return fail(
        Code::kInvalid,
        "--registry with --all-namespaces: control would need to write Secrets in every namespace, so that "
        "pods can pull; push to a registry of your own and name its --pull-secret, or install once in "
        "each namespace");
  return ok();
}

std::vector<json::Document> install_objects(const InstallOptions& options) { return Maker(options).make(); }

std::vector<json::Document> installable_objects(const std::string& ns) {
  InstallOptions options{
      .ns = ns, .image = "none", .version = "none", .policies = InstallOptions::Policies::kStrict};
  options.registry.emplace();
  options.expose.kind = Expose::Kind::kIngress;
  Documents out = install_objects(options);
  options.expose.kind = Expose::Kind::kHttpRoute;
  options.registry.reset();
  options.reach = Reach::kAllNamespaces;
  for (Document& more : install_objects(options)) {
    const auto is_same = [&](const Document& each) {
      return each["kind"] == more["kind"] && name_of(each) == name_of(more);
    };
    if (std::none_of(out.begin(), out.end(), is_same)) out.push_back(std::move(more));
  }
  return out;
}

}  // namespace slipway::cli
