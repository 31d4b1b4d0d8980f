#include "values/schema/openapi.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace slipway::schema {
namespace {

using json::Document;

constexpr const char* kObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
constexpr const char* kListMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
constexpr const char* kStatus = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
constexpr const char* kScale = "io.k8s.api.autoscaling.v1.Scale";

Document reference(const std::string& schema) { return {{"$ref", "#/components/schemas/" + schema}}; }
Document text(std::string_view description) {
  return {{"type", "string"}, {"description", std::string(description)}};
}
Document texts(std::string_view description) {
  return {{"type", "object"},
          {"description", std::string(description)},
          {"additionalProperties", {{"type", "string"}}}};
}

// "dev.slipway.v1alpha1.ModelDeployment"
std::string schema_name(const Definition& of, const std::string& kind) {
  std::string reversed;
  for (std::string_view rest = of.group; !rest.empty();) {
    const size_t dot = rest.rfind('.');
    reversed += std::string(rest.substr(dot == std::string_view::npos ? 0 : dot + 1)) + ".";
    rest = dot == std::string_view::npos ? "" : rest.substr(0, dot);
  }
  return (reversed.empty() ? "io.k8s.api.core." : reversed) + of.version + "." + kind;
}

Document group_version_kind(const Definition& of, const std::string& kind) {
  return {{"group", of.group}, {"version", of.version}, {"kind", kind}};
}

Document parameter(std::string_view name, std::string_view type, std::string_view description) {
  return {{"name", std::string(name)},
          {"in", "query"},
          {"description", std::string(description)},
          {"schema", {{"type", std::string(type)}, {"uniqueItems", true}}}};
}

Document path_parameter(std::string_view name) {
  return {{"name", std::string(name)},
          {"in", "path"},
          {"required", true},
          {"schema", {{"type", "string"}, {"uniqueItems", true}}}};
}

Document write_parameters() {
  return {parameter("dryRun", "string", "All: do everything but store the result."),
          parameter("fieldManager", "string", "Who writes; it stands in the audit as the reason."),
          parameter("fieldValidation", "string",
                    "Strict refuses unknown and duplicate fields, Warn (the default) answers with warnings, "
                    "Ignore drops them.")};
}

Document list_parameters() {
  return {parameter("allowWatchBookmarks", "boolean", "Bookmark events may be sent."),
          parameter("continue", "string", "Where the page before ended."),
          parameter("fieldSelector", "string", "Restricts by metadata.name and metadata.namespace."),
          parameter("labelSelector", "string", "Restricts by labels."),
          parameter("limit", "integer", "At most so many in a page."),
          parameter("resourceVersion", "string", "The version to read at, or to watch from."),
          parameter("resourceVersionMatch", "string", "NotOlderThan or Exact."),
          parameter("sendInitialEvents", "boolean", "A watch begins with what is there."),
          parameter("timeoutSeconds", "integer", "How long a watch may last."),
          parameter("watch", "boolean", "Stay and send changes.")};
}

Document answers(const std::string& schema) {
  return {
      {"200", {{"description", "OK"}, {"content", {{"application/json", {{"schema", reference(schema)}}}}}}}};
}

struct Operation {
  std::string method, action, answer;
  Document parameters;
  std::vector<std::string> bodies;  // media types
};

Document operation(const Definition& of, const Operation& what) {
  Document out{{"description", what.action + " " + of.kind},
               {"operationId", what.action + of.kind},
               {"responses", answers(what.answer)},
               {"parameters", what.parameters},
               {"x-kubernetes-action", what.action},
               {"x-kubernetes-group-version-kind", group_version_kind(of, of.kind)}};
  for (const std::string& type : what.bodies)
    out["requestBody"]["content"][type] = {
        {"schema", type == "application/json" ? reference(what.answer) : Document{{"type", "object"}}}};
  return out;
}

void add_paths(Document& paths, const Definition& of) {
  const std::string root = of.group.empty() ? "/api/" + of.version : "/apis/" + of.group + "/" + of.version;
  const std::string all = root + "/namespaces/{namespace}/" + of.plural, one = all + "/{name}";
  const std::string object = schema_name(of, of.kind), list = schema_name(of, of.list_kind);
  const std::vector<std::string> patches{"application/json-patch+json", "application/merge-patch+json"};
  paths[root + "/" + of.plural] = {{"get", operation(of, {"get", "list", list, list_parameters(), {}})}};
  paths[all] = {{"parameters", {path_parameter("namespace")}},
                {"get", operation(of, {"get", "list", list, list_parameters(), {}})},
                {"post", operation(of, {"post", "post", object, write_parameters(), {"application/json"}})},
                {"delete", operation(of, {"delete", "deletecollection", kStatus, list_parameters(), {}})}};
  const auto item = [&](const std::string& path, const std::string& schema) {
    paths[path] = {{"parameters", {path_parameter("name"), path_parameter("namespace")}},
                   {"get", operation(of, {"get", "get", schema, Document::array(), {}})},
                   {"put", operation(of, {"put", "put", schema, write_parameters(), {"application/json"}})},
                   {"patch", operation(of, {"patch", "patch", schema, write_parameters(), patches})}};
  };
  item(one, object);
  paths[one]["delete"] =
      operation(of, {"delete",
                     "delete",
                     kStatus,
                     Document{parameter("dryRun", "string", "All: only say what would happen."),
                              parameter("propagationPolicy", "string", "Background, Foreground or Orphan.")},
                     {"application/json"}});
  if (of.has_status) item(one + "/status", object);
  if (of.has_scale) item(one + "/scale", kScale);
}

void add_schemas(Document& schemas, const Definition& of) {
  Document object = *of.structural;
  object["properties"]["apiVersion"] = text("The version of the representation.");
  object["properties"]["kind"] = text("The kind of the object.");
  object["properties"]["metadata"] = {{"description", "What every object has."},
                                      {"allOf", {reference(kObjectMeta)}}};
  object["x-kubernetes-group-version-kind"] = {group_version_kind(of, of.kind)};
  schemas[schema_name(of, of.kind)] = std::move(object);
  schemas[schema_name(of, of.list_kind)] = {
      {"description", "A list of " + of.kind + "."},
      {"type", "object"},
      {"required", {"items"}},
      {"properties",
       {{"apiVersion", text("The version of the representation.")},
        {"kind", text("The kind of the object.")},
        {"metadata", {{"description", "What every list has."}, {"allOf", {reference(kListMeta)}}}},
        {"items",
         {{"description", "The objects."},
          {"type", "array"},
          {"items", reference(schema_name(of, of.kind))}}}}},
      {"x-kubernetes-group-version-kind", {group_version_kind(of, of.list_kind)}}};
}

void add_common(Document& schemas) {
  const Document whole{{"type", "integer"}, {"format", "int64"}};
  schemas[kObjectMeta] = {
      {"description", "What every object has."},
      {"type", "object"},
      {"properties",
       {{"name",
         text("The object's name: unique among those of its kind in its namespace. It cannot be changed.")},
        {"generateName", text("A prefix from which the server makes a name.")},
        {"namespace", text("The namespace it is in. One machine has the namespace default.")},
        {"labels", texts("What it is selected by.")},
        {"annotations", texts("What tools keep with it.")},
        {"uid", text("Tells it from others that had or will have its name. Set by the server.")},
        {"resourceVersion", text("The version of its last change. Set by the server; a write that names an "
                                 "older one is refused.")},
        {"creationTimestamp",
         {{"type", "string"},
          {"format", "date-time"},
          {"description", "When it was made. Set by the server."}}},
        {"generation",
         {{"type", "integer"},
          {"format", "int64"},
          {"description", "Moves with every change of the content. Set by the server."}}},
        {"ownerReferences",
         {{"type", "array"},
          {"description", "The objects that it belongs to."},
          {"items", {{"type", "object"}}}}}}}};
  schemas[kListMeta] = {{"description", "What every list has."},
                        {"type", "object"},
                        {"properties",
                         {{"continue", text("Where the next page begins.")},
                          {"remainingItemCount", whole},
                          {"resourceVersion", text("The version at which the list was made.")}}}};
  schemas[kStatus] = {
      {"description", "The outcome of a call that gives no object."},
      {"type", "object"},
      {"properties",
       {{"status", text("Success or Failure.")},
        {"message", text("What happened.")},
        {"reason", text("Why it failed, in one word.")},
        {"code", whole}}},
      {"x-kubernetes-group-version-kind", {{{"group", ""}, {"version", "v1"}, {"kind", "Status"}}}}};
  schemas[kScale] = {
      {"description", "How many replicas are wanted and run."},
      {"type", "object"},
      {"properties",
       {{"apiVersion", text("autoscaling/v1")},
        {"kind", text("Scale")},
        {"metadata", {{"allOf", {reference(kObjectMeta)}}, {"description", "What every object has."}}},
        {"spec",
         {{"type", "object"}, {"description", "What is wanted."}, {"properties", {{"replicas", whole}}}}},
        {"status",
         {{"type", "object"},
          {"description", "What is observed."},
          {"properties", {{"replicas", whole}, {"selector", text("The selector of the replicas.")}}}}}}},
      {"x-kubernetes-group-version-kind",
       {{{"group", "autoscaling"}, {"version", "v1"}, {"kind", "Scale"}}}}};
}

}  // namespace

Document openapi(std::span<const Definition* const> definitions) {
  Document out{{"openapi", "3.0.0"},
               {"info", {{"title", "Slipway"}, {"version", "v1"}}},
               {"paths", Document::object()}};
  Document& schemas = out["components"]["schemas"];
  add_common(schemas);
  for (const Definition* each : definitions) {
    add_schemas(schemas, *each);
    add_paths(out["paths"], *each);
  }
  return out;
}

}  // namespace slipway::schema
