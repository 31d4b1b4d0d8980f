#include "services/api/internal/filter.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace slipway::api {
namespace {

// Source: k8s.io/kubernetes pkg/apis/core/v1 conversion.go, AddFieldLabelConversionsForEvent.
constexpr std::array<std::string_view, 11> kEventFields{"involvedObject.kind",
                                                        "involvedObject.namespace",
                                                        "involvedObject.name",
                                                        "involvedObject.uid",
                                                        "involvedObject.apiVersion",
                                                        "involvedObject.resourceVersion",
                                                        "involvedObject.fieldPath",
                                                        "reason",
                                                        "reportingComponent",
                                                        "source",
                                                        "type"};

bool is_known(domain::Kind kind, const std::string& field) {
  if (field == "metadata.name" || field == "metadata.namespace") return true;
  return kind == domain::Kind::kEvent &&
         std::find(kEventFields.begin(), kEventFields.end(), field) != kEventFields.end();
}

std::string value_of(const std::string& field, const domain::Object& object, const json::Document& content) {
  if (field == "metadata.name") return object.key.name;
  if (field == "metadata.namespace") return object.key.space;
  if (field == "source") return json::text_of(json::member(content, "source"), "component");
  const size_t dot = field.find('.');
  if (dot == std::string::npos) return json::text_of(content, field);
  return json::text_of(json::member(content, field.substr(0, dot)), field.substr(dot + 1));
}

}  // namespace

tl::expected<Filter, Failure> Filter::make(domain::Kind kind, domain::Selector labels,
                                           std::vector<FieldTerm> fields) {
  for (const FieldTerm& term : fields)
    if (!is_known(kind, term.field))
      return tl::unexpected(bad_request("field label not supported: " + term.field));
  Filter out;
  out.labels_ = std::move(labels);
  out.fields_ = std::move(fields);
  return out;
}

bool Filter::matches(const domain::Object& object) const {
  if (!labels_.matches(object.meta.labels)) return false;
  if (fields_.empty()) return true;
  const bool needs_content = std::any_of(fields_.begin(), fields_.end(), [](const FieldTerm& term) {
    return !term.field.starts_with("metadata.");
  });
  const auto content =
      needs_content ? json::parse_document(object.content) : Result<json::Document>(json::Document());
  return std::all_of(fields_.begin(), fields_.end(), [&](const FieldTerm& term) {
    return (value_of(term.field, object, content ? *content : json::Document()) == term.value) == term.equal;
  });
}

}  // namespace slipway::api
