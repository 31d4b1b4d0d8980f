#include "values/domain/object.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "values/json/writer.h"

namespace slipway::domain {
namespace {

constexpr std::array<KindInfo, kKinds> kKindTable{{
    {Kind::kModelVersion, "ModelVersion", "modelversions", "slipway.dev", "v1alpha1", false},
    {Kind::kModelDeployment, "ModelDeployment", "modeldeployments", "slipway.dev", "v1alpha1", false},
    {Kind::kEvent, "Event", "events", "", "v1", true},
    {Kind::kEndpointSlice, "EndpointSlice", "endpointslices", "discovery.k8s.io", "v1", true},
}};

void append_texts(json::Writer& out, std::string_view name, const Labels& texts) {
  if (texts.empty()) return;
  out.key(name).object([&](json::Writer& members) {
    for (const auto& [key, value] : texts) members.key(key).value(value);
  });
}

Result<Labels> parse_texts(const json::Document& metadata, std::string_view name) {
  Labels out;
  const json::Document& texts = json::member(metadata, name);
  if (texts.is_null()) return out;
  if (!texts.is_object()) return fail(Code::kInvalid, "metadata.{} must be an object of strings", name);
  for (const auto& [key, value] : texts.items()) {
    if (!value.is_string()) return fail(Code::kInvalid, "metadata.{}.{} must be a string", name, key);
    out.emplace(key, value.get<std::string>());
  }
  return out;
}

Status check_text(const json::Document& metadata, std::string_view name) {
  const json::Document& value = json::member(metadata, name);
  if (value.is_null() || value.is_string()) return ok();
  return fail(Code::kInvalid, "metadata.{} must be a string", name);
}

// What stands between the braces.
std::string_view inside(std::string_view object) { return object.substr(1, object.size() - 2); }

}  // namespace

std::span<const KindInfo> kinds() { return kKindTable; }

const KindInfo& info(Kind kind) { return kKindTable[static_cast<size_t>(kind)]; }

std::string api_version(Kind kind) {
  const KindInfo& of = info(kind);
  return of.group.empty() ? std::string(of.version) : fmt::format("{}/{}", of.group, of.version);
}

std::string ObjectKey::str() const { return fmt::format("{}/{}", info(kind).plural, name); }

void append_meta_json(const Object& object, std::string& out) {
  const ObjectMeta& meta = object.meta;
  json::Writer(out).object([&](json::Writer& members) {
    append_texts(members, "annotations", meta.annotations);
    if (!meta.created.empty()) members.key("creationTimestamp").value(meta.created);
    if (!meta.generate_name.empty()) members.key("generateName").value(meta.generate_name);
    if (meta.generation != 0) members.key("generation").value(meta.generation);
    append_texts(members, "labels", meta.labels);
    members.key("name").value(object.key.name);
    if (!object.key.space.empty()) members.key("namespace").value(object.key.space);
    if (!meta.owners.empty()) members.key("ownerReferences").raw(meta.owners);
    if (meta.resource_version != 0)
      members.key("resourceVersion").value(fmt::format("{}", meta.resource_version));
    if (!meta.uid.empty()) members.key("uid").value(meta.uid);
  });
}

void append_json(const Object& object, std::string& out) {
  const KindInfo& kind = info(object.key.kind);
  fmt::format_to(std::back_inserter(out), R"({{"apiVersion":"{}{}{}","kind":"{}","metadata":)", kind.group,
                 kind.group.empty() ? "" : "/", kind.version, kind.name);
  append_meta_json(object, out);
  if (const std::string_view content = inside(object.content); !content.empty()) {
    out += ',';
    out += content;
  }
  if (!object.status.empty()) {
    out += ",\"status\":";
    out += object.status;
  }
  out += '}';
}

std::string to_json(const Object& object) {
  std::string out;
  out.reserve(object.content.size() + object.status.size() + 512);
  append_json(object, out);
  return out;
}

Result<ObjectMeta> parse_meta(const json::Document& metadata) {
  if (!metadata.is_object()) return fail(Code::kInvalid, "metadata must be an object");
  for (const char* name :
       {"name", "namespace", "uid", "resourceVersion", "generateName", "creationTimestamp"})
    if (Status text = check_text(metadata, name); !text) return fail(text.error());
  auto labels = parse_texts(metadata, "labels");
  if (!labels) return fail(labels.error());
  auto annotations = parse_texts(metadata, "annotations");
  if (!annotations) return fail(annotations.error());
  ObjectMeta meta{.uid = json::text_of(metadata, "uid"),
                  .created = json::text_of(metadata, "creationTimestamp"),
                  .generate_name = json::text_of(metadata, "generateName"),
                  .labels = std::move(*labels),
                  .annotations = std::move(*annotations)};
  if (const json::Document& generation = json::member(metadata, "generation"); generation.is_number_integer())
    meta.generation = generation.get<int64_t>();
  if (const json::Document& owners = json::member(metadata, "ownerReferences");
      owners.is_array() && !owners.empty())
    meta.owners = json::canonical(owners);
  if (const std::string version = json::text_of(metadata, "resourceVersion"); !version.empty()) {
    const auto [end, error] =
        std::from_chars(version.data(), version.data() + version.size(), meta.resource_version);
    if (error != std::errc{} || end != version.data() + version.size())
      return fail(Code::kInvalid, "metadata.resourceVersion: '{}' is not a number", version);
  }
  return meta;
}

Result<Object> to_object(Kind kind, const json::Document& document) {
  if (!document.is_object()) return fail(Code::kInvalid, "a resource must be a JSON object");
  const json::Document& metadata = json::member(document, "metadata");
  auto meta = parse_meta(metadata);
  if (!meta) return fail(meta.error());
  Object object{.key = {kind, json::text_of(metadata, "namespace"), json::text_of(metadata, "name")},
                .meta = std::move(*meta)};
  json::Document content = document;
  for (const char* name : {"apiVersion", "kind", "metadata", "status"}) content.erase(name);
  object.content = json::canonical(content);
  const json::Document& status = json::member(document, "status");
  if (status.is_object() && !status.empty()) object.status = json::canonical(status);
  return object;
}

}  // namespace slipway::domain
