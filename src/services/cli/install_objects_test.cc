#include "services/cli/install_objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

using json::Document;
using ::testing::HasSubstr;

InstallOptions options() { return {.image = "registry.example.com/slipway:9", .version = "9"}; }

std::string title(const Document& object) {
  return json::text_of(object, "kind") + "/" + json::text_of(object["metadata"], "name");
}

std::vector<std::string> titles(const InstallOptions& of) {
  std::vector<std::string> out;
  for (const Document& each : install_objects(of)) out.push_back(title(each));
  return out;
}

Document object(const InstallOptions& of, const std::string& wanted) {
  for (Document& each : install_objects(of))
    if (title(each) == wanted) return std::move(each);
  ADD_FAILURE() << "there is no " << wanted;
  return {};
}

Document container(const InstallOptions& of, const std::string& deployment) {
  return object(of, "Deployment/" + deployment)["spec"]["template"]["spec"]["containers"][0];
}

TEST(InstallObjects, AreThoseOfOneNamespaceUnlessMoreIsAskedFor) {
  EXPECT_THAT(titles(options()),
              ::testing::ElementsAre(
                  "CustomResourceDefinition/modeldeployments.slipway.dev",
                  "CustomResourceDefinition/modelversions.slipway.dev", "ServiceAccount/slipway-control",
                  "ServiceAccount/slipway-gateway", "ServiceAccount/slipway-model", "Role/slipway-control",
                  "Role/slipway-gateway", "RoleBinding/slipway-control", "RoleBinding/slipway-gateway",
                  "Service/slipway-gateway", "Deployment/slipway-control", "Deployment/slipway-gateway",
                  "PodDisruptionBudget/slipway-control", "PodDisruptionBudget/slipway-gateway"));
}

TEST(InstallObjects, OfOnePartAreThatPartsAlone) {
  InstallOptions gateway = options();
  gateway.part = Part::kGateway;
  EXPECT_THAT(
      titles(gateway),
      ::testing::ElementsAre("ServiceAccount/slipway-gateway", "ServiceAccount/slipway-model",
                             "Role/slipway-gateway", "RoleBinding/slipway-gateway", "Service/slipway-gateway",
                             "Deployment/slipway-gateway", "PodDisruptionBudget/slipway-gateway"));
  InstallOptions definitions = options();
  definitions.part = Part::kDefinitions;
  EXPECT_EQ(titles(definitions).size(), 2u);
}

// What no role of ours may say, whatever is asked for.
void expect_narrow(const Document& role) {
  static const std::set<std::string> kForbidden{"*",           "escalate",  "bind",
                                                "impersonate", "pods/exec", "nodes/proxy"};
  for (const Document& rule : role["rules"]) {
    for (const char* list : {"apiGroups", "resources", "verbs"})
      for (const Document& word : rule[list]) EXPECT_FALSE(kForbidden.contains(word)) << title(role) << rule;
    for (const Document& resource : rule["resources"]) {
      if (resource != "secrets") continue;
      EXPECT_EQ(role["kind"], "Role") << "Secrets of one namespace, never of all";
      for (const Document& verb : rule["verbs"])
        EXPECT_TRUE(verb == "create" || rule.contains("resourceNames")) << rule;
    }
  }
}

TEST(InstallObjects, GrantNothingWide) {
  InstallOptions registry = options(), everywhere = options();
  registry.registry.emplace();
  everywhere.reach = Reach::kAllNamespaces;
  int roles = 0;
  for (const InstallOptions& each : {options(), registry, everywhere})
    for (const Document& object : install_objects(each))
      if (object.contains("rules") && (object["kind"] == "Role" || object["kind"] == "ClusterRole")) {
        expect_narrow(object);
        ++roles;
      }
  EXPECT_EQ(roles, 2 + 2 + 5);
}

TEST(InstallObjects, SayNothingOfSecretsWithoutARegistry) {
  for (const Document& each : install_objects(options())) {
    if (each["kind"] == "Role") {
      EXPECT_THAT(each.dump(), ::testing::Not(HasSubstr("secrets")));
    }
  }
}

TEST(InstallObjects, WithAllNamespacesKeepControlsOwnAffairsInItsNamespace) {
  InstallOptions everywhere = options();
  everywhere.ns = "ml";
  everywhere.reach = Reach::kAllNamespaces;
  EXPECT_THAT(object(everywhere, "Role/slipway-control").dump(), ::testing::Not(HasSubstr("pods")));
  const Document cluster = object(everywhere, "ClusterRole/slipway-control");
  EXPECT_THAT(cluster.dump(), HasSubstr("modeldeployments/status"));
  EXPECT_THAT(cluster.dump(), ::testing::Not(HasSubstr("leases")));
  EXPECT_EQ(cluster["metadata"]["labels"]["slipway.dev/installed-from"], "ml");
  EXPECT_FALSE(cluster["metadata"].contains("namespace"));
  EXPECT_EQ(object(everywhere, "ClusterRoleBinding/slipway-control")["subjects"][0]["namespace"], "ml");
  EXPECT_THAT(container(everywhere, "slipway-control")["args"].dump(), HasSubstr("--all-namespaces"));
}

TEST(InstallObjects, OfARegistryHaveOneControlThatGoesBeforeTheNextComes) {
  InstallOptions of = options();
  of.registry = {.size = "50Gi", .storage_class = "fast"};
  const Document deployment = object(of, "Deployment/slipway-control");
  EXPECT_EQ(deployment["spec"]["replicas"], 1);
  EXPECT_EQ(deployment["spec"]["strategy"], (Document{{"type", "Recreate"}}));
  const Document claim = object(of, "PersistentVolumeClaim/slipway-registry");
  EXPECT_EQ(claim["spec"]["storageClassName"], "fast");
  EXPECT_EQ(claim["spec"]["resources"]["requests"]["storage"], "50Gi");
  EXPECT_EQ(object(of, "Service/slipway-registry")["spec"]["ports"][0]["port"], 5000);
}

TEST(InstallObjects, RunInPodsThatPodSecurityRestrictedAccepts) {
  for (const char* name : {"slipway-control", "slipway-gateway"}) {
    const Document pod = object(options(), std::string("Deployment/") + name)["spec"]["template"]["spec"];
    EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
    EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    const Document& inner = pod["containers"][0]["securityContext"];
    EXPECT_EQ(inner["allowPrivilegeEscalation"], false);
    EXPECT_EQ(inner["readOnlyRootFilesystem"], true);
    EXPECT_EQ(inner["capabilities"]["drop"], Document::array({"ALL"}));
  }
}

TEST(InstallObjects, MountATokenOnlyWhereOneIsNeeded) {
  for (const Document& each : install_objects(options())) {
    if (each["kind"] == "ServiceAccount") {
      EXPECT_EQ(each["automountServiceAccountToken"], false) << title(each);
    }
    if (each["kind"] == "Deployment") {
      EXPECT_EQ(each["spec"]["template"]["spec"]["automountServiceAccountToken"], true) << title(each);
    }
  }
}

struct ExposeRow {
  const char* why;
  const char* text;
  const char* url;
  const char* service_type;
  const char* extra;  // the object in front of the gateway
};

TEST(InstallObjects, FollowFromOneFieldHowCallersComeIn) {
  const std::vector<ExposeRow> rows{
      {"inside the cluster", "ClusterIP", "http://slipway-gateway.$(POD_NAMESPACE).svc", "ClusterIP", ""},
      {"any port", "NodePort", "http://slipway-gateway.$(POD_NAMESPACE).svc", "NodePort", ""},
      {"a port of ours", "NodePort:nodes.example.com:30080", "http://nodes.example.com:30080", "NodePort",
       ""},
      {"its name is known", "LoadBalancer:https://ml.example.com", "https://ml.example.com", "LoadBalancer",
       ""},
      {"plain", "ingress:ml.example.com", "http://ml.example.com", "ClusterIP", "Ingress/slipway-gateway"},
      {"with TLS", "ingress:https://ml.example.com", "https://ml.example.com", "ClusterIP",
       "Ingress/slipway-gateway"},
      {"our own", "httproute:public/ml.example.com", "http://ml.example.com", "ClusterIP",
       "HTTPRoute/slipway-gateway"},
      {"another's", "httproute:infra/public/https://ml.example.com", "https://ml.example.com", "ClusterIP",
       "HTTPRoute/slipway-gateway"},
  };
  for (const ExposeRow& row : rows) {
    SCOPED_TRACE(fmt::format("{}: {}", row.text, row.why));
    InstallOptions of = options();
    const auto expose = parse_expose(row.text);
    ASSERT_TRUE(expose) << expose.error().message;
    of.expose = *expose;
    EXPECT_EQ(expose_text(of.expose), row.text);
    EXPECT_EQ(gateway_url(of.expose), row.url);
    EXPECT_THAT(container(of, "slipway-control")["args"],
                ::testing::Contains(fmt::format("--gateway-url={}", row.url)));
    EXPECT_EQ(object(of, "Service/slipway-gateway")["spec"]["type"], row.service_type);
    EXPECT_EQ(titles(of).size(), titles(options()).size() + (*row.extra == '\0' ? 0 : 1));
    if (*row.extra != '\0') {
      EXPECT_THAT(object(of, row.extra).dump(), HasSubstr("ml.example.com"));
    }
  }
}

TEST(InstallObjects, NameTheGatewayThatARouteHangsOn) {
  InstallOptions of = options();
  of.expose = *parse_expose("httproute:infra/public/ml.example.com");
  const Document parent = object(of, "HTTPRoute/slipway-gateway")["spec"]["parentRefs"][0];
  EXPECT_EQ(parent["name"], "public");
  EXPECT_EQ(parent["namespace"], "infra");
}

TEST(InstallOptions, AreRefusedWithWhatTheyMayBe) {
  for (const char* text : {"", "clusterip", "ingress", "ingress:", "ingress:a b", "httproute:host",
                           "httproute:/host", "httproute:a/b/c/d", "NodePort:host", "NodePort:host:0",
                           "NodePort:host:70000", "ClusterIP:x", "ingress:ftp://host", "LoadBalancer:"}) {
    const auto expose = parse_expose(text);
    ASSERT_FALSE(expose) << text;
    EXPECT_THAT(expose.error().message, HasSubstr("httproute:GATEWAY/HOST")) << text;
  }
  const auto refused = [](auto&& change) {
    InstallOptions of = options();
    change(of);
    return check(of) ? std::string() : check(of).error().message;
  };
  EXPECT_THAT(refused([](InstallOptions& of) { of.ns = "A"; }), HasSubstr("--namespace"));
  EXPECT_THAT(refused([](InstallOptions& of) { of.image = "a b"; }), HasSubstr("--image"));
  EXPECT_THAT(refused([](InstallOptions& of) { of.replicas = 0; }), HasSubstr("--replicas"));
  EXPECT_THAT(refused([](InstallOptions& of) { of.pull_secrets = {"-"}; }), HasSubstr("--pull-secret"));
  EXPECT_THAT(refused([](InstallOptions& of) { of.cache_claim = "/"; }), HasSubstr("--cache-claim"));
  EXPECT_THAT(refused([](InstallOptions& of) {
                of.registry.emplace();
                of.reach = Reach::kAllNamespaces;
              }),
              HasSubstr("Secrets in every namespace"));
  EXPECT_EQ(refused([](InstallOptions&) {}), "");
}

TEST(InstallableObjects, AreAllThatSomeOptionsMake) {
  std::set<std::string> all;
  for (const Document& each : installable_objects("ml")) all.insert(title(each));
  EXPECT_EQ(all.size(), installable_objects("ml").size()) << "each once";
  for (const char* each : {"PersistentVolumeClaim/slipway-registry", "Service/slipway-registry",
                           "Ingress/slipway-gateway", "HTTPRoute/slipway-gateway", "ClusterRole/slipway-edit",
                           "ClusterRoleBinding/slipway-control", "NetworkPolicy/slipway-model"})
    EXPECT_TRUE(all.contains(each)) << each;
}

}  // namespace
}  // namespace slipway::cli
