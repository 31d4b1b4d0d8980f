#include "services/api/internal/scale.h"

#include <nlohmann/json.hpp>

#include "values/domain/definitions.h"

namespace slipway::api {

using json::Document;

Document to_scale(const domain::Object& object) {
  const auto content = json::parse_document(object.content),
             status = json::parse_document(object.status.empty() ? "{}" : object.status);
  const Document nothing = Document::object();
  const Document& spec = json::member(content ? *content : nothing, "spec");
  const Document& observed = status ? *status : nothing;
  const auto number = [](const Document& value) { return value.is_number_integer() ? value : Document(0); };
  Document out{{"kind", "Scale"},
               {"apiVersion", "autoscaling/v1"},
               {"metadata",
                {{"name", object.key.name},
                 {"namespace", object.key.space},
                 {"uid", object.meta.uid},
                 {"resourceVersion", fmt::format("{}", object.meta.resource_version)},
                 {"creationTimestamp", object.meta.created}}},
               {"spec", {{"replicas", number(json::member(spec, "replicas"))}}},
               {"status", {{"replicas", number(json::member(observed, "replicas"))}}}};
  if (const std::string selector = json::text_of(observed, "selector"); !selector.empty())
    out["status"]["selector"] = selector;
  return out;
}

tl::expected<Document, Failure> with_scale(const domain::Object& object, const Document& scale) {
  const schema::Definition& of = domain::definition(object.key.kind);
  if (!scale.is_object() || json::text_of(scale, "kind") != "Scale" ||
      json::text_of(scale, "apiVersion") != "autoscaling/v1")
    return tl::unexpected(
        bad_request("the object provided is unrecognized (must be of type Scale, autoscaling/v1)"));
  const Document& metadata = json::member(scale, "metadata");
  if (const std::string name = json::text_of(metadata, "name"); !name.empty() && name != object.key.name)
    return tl::unexpected(bad_request(fmt::format(
        "the name of the object ({}) does not match the name on the URL ({})", name, object.key.name)));
  Document replicas = json::member(json::member(scale, "spec"), "replicas");
  if (replicas.is_null()) replicas = 0;
  if (!replicas.is_number_integer() || replicas < 0)
    return tl::unexpected(invalid(
        of, object.key.name,
        {{".spec.replicas", "FieldValueInvalid",
          fmt::format("Invalid value: {}: should be a non-negative integer", json::canonical(replicas))}}));
  auto document = json::parse_document(domain::to_json(object), {.bytes = 16 << 20});
  if (!document) return tl::unexpected(bad_request(document.error().message));
  (*document)["spec"]["replicas"] = replicas;
  if (const std::string version = json::text_of(metadata, "resourceVersion"); !version.empty())
    (*document)["metadata"]["resourceVersion"] = version;
  return std::move(*document);
}

}  // namespace slipway::api
