#include "services/api/internal/discovery.h"

#include <nlohmann/json.hpp>

#include "values/base/digest.h"
#include "values/domain/definitions.h"
#include "values/schema/openapi.h"

namespace slipway::api {
namespace {

using json::Document;

const Document kAllVerbs = {"create", "delete", "deletecollection", "get",
                            "list",   "patch",  "update",           "watch"};
const Document kSubVerbs = {"get", "patch", "update"};

void add_resource(Document& resources, const schema::Definition& of) {
  Document resource{{"name", of.plural},
                    {"singularName", of.singular},
                    {"namespaced", true},
                    {"kind", of.kind},
                    {"verbs", kAllVerbs}};
  if (!of.short_names.empty()) resource["shortNames"] = of.short_names;
  if (!of.categories.empty()) resource["categories"] = of.categories;
  resources.push_back(std::move(resource));
  if (of.has_status)
    resources.push_back({{"name", of.plural + "/status"},
                         {"singularName", ""},
                         {"namespaced", true},
                         {"kind", of.kind},
                         {"verbs", kSubVerbs}});
  if (of.has_scale)
    resources.push_back({{"name", of.plural + "/scale"},
                         {"singularName", ""},
                         {"namespaced", true},
                         {"group", "autoscaling"},
                         {"version", "v1"},
                         {"kind", "Scale"},
                         {"verbs", kSubVerbs}});
}

std::string root_of(const schema::Definition& of) {
  return of.group.empty() ? "api/" + of.version : "apis/" + of.group + "/" + of.version;
}

Document group_version(const schema::Definition& of) {
  return {{"groupVersion", of.api_version()}, {"version", of.version}};
}

Document namespaces_resource() {
  return {{"name", "namespaces"}, {"singularName", "namespace"}, {"namespaced", false},
          {"kind", "Namespace"},  {"verbs", {"get", "list"}},    {"shortNames", {"ns"}}};
}

// Read-only: replicas of this machine.
const Document kPods{{"name", "pods"}, {"singularName", "pod"},    {"namespaced", true},
                     {"kind", "Pod"},  {"verbs", {"get", "list"}}, {"shortNames", {"po"}}};
const Document kPodLogs{{"name", "pods/log"},
                        {"singularName", ""},
                        {"namespaced", true},
                        {"kind", "Pod"},
                        {"verbs", Document::array({"get"})}};

Document default_namespace(const std::string& limits) {
  Document out{{"kind", "Namespace"},
               {"apiVersion", "v1"},
               {"metadata",
                {{"name", "default"},
                 {"uid", "00000000-0000-4000-8000-000000000001"},
                 {"resourceVersion", "1"},
                 {"labels", {{"kubernetes.io/metadata.name", "default"}}}}},
               {"spec", Document::object()},
               {"status", {{"phase", "Active"}}}};
  if (!limits.empty()) out["metadata"]["annotations"] = {{"slipway.dev/limits", limits}};
  return out;
}

}  // namespace

std::map<std::string, std::string> discovery_documents(const std::string& version,
                                                       const std::string& limits) {
  std::map<std::string, Document> out;
  std::map<std::string, std::vector<const schema::Definition*>> by_root;
  Document groups = Document::array();
  for (const domain::KindInfo& kind : domain::kinds()) {
    const schema::Definition& of = domain::definition(kind.kind);
    by_root[root_of(of)].push_back(&of);
    Document& list = out["/" + root_of(of)];
    if (list.is_null()) {
      list = {{"kind", "APIResourceList"},
              {"apiVersion", "v1"},
              {"groupVersion", of.api_version()},
              {"resources", Document::array()}};
      const Document group{
          {"name", of.group}, {"versions", {group_version(of)}}, {"preferredVersion", group_version(of)}};
      if (!of.group.empty()) {
        groups.push_back(group);
        out["/apis/" + of.group] = group;
        out["/apis/" + of.group].update({{"kind", "APIGroup"}, {"apiVersion", "v1"}});
      }
    }
    add_resource(list["resources"], of);
  }
  for (const Document& resource : {namespaces_resource(), kPods, kPodLogs})
    out["/api/v1"]["resources"].push_back(resource);
  out["/api/v1/namespaces/default"] = default_namespace(limits);
  out["/api/v1/namespaces"] = {{"kind", "NamespaceList"},
                               {"apiVersion", "v1"},
                               {"metadata", {{"resourceVersion", "1"}}},
                               {"items", {default_namespace(limits)}}};
  out["/api"] = {
      {"kind", "APIVersions"}, {"versions", {"v1"}}, {"serverAddressByClientCIDRs", Document::array()}};
  out["/apis"] = {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", groups}};
  // The protocol is Kubernetes' of this version; what serves it stands behind the plus sign.
  out["/version"] = {{"major", "1"},
                     {"minor", "37"},
                     {"gitVersion", "v1.37.0+slipway." + version},
                     {"platform", "linux/amd64"}};
  // Typed clients insist on these; what an API server says there is about its own build.
  for (const char* member : {"gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler"})
    out["/version"][member] = "";
  for (const auto& [root, definitions] : by_root) {
    Document document = schema::openapi(definitions);
    const std::string hash = base::sha256(json::canonical(document)).short_hex();
    out["/openapi/v3"]["paths"][root] = {{"serverRelativeURL", "/openapi/v3/" + root + "?hash=" + hash}};
    out["/openapi/v3/" + root] = std::move(document);
  }
  std::map<std::string, std::string> texts;
  for (const auto& [path, document] : out) texts.emplace(path, json::canonical(document));
  return texts;
}

}  // namespace slipway::api
