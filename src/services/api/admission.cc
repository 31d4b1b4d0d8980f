#include "services/api/internal/admission.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "system/os/random.h"
#include "values/domain/definitions.h"
#include "values/domain/names.h"

namespace slipway::api {
namespace {

using json::Document;
using schema::FieldError;

// Members of metadata that are known; those that only an API server fills are dropped without a word.
constexpr std::array<std::string_view, 15> kMetaMembers{"name",
                                                        "namespace",
                                                        "labels",
                                                        "annotations",
                                                        "uid",
                                                        "resourceVersion",
                                                        "generation",
                                                        "creationTimestamp",
                                                        "generateName",
                                                        "ownerReferences",
                                                        "finalizers",
                                                        "managedFields",
                                                        "selfLink",
                                                        "deletionTimestamp",
                                                        "deletionGracePeriodSeconds"};

std::string json_text(std::string_view text) { return json::canonical(Document(std::string(text))); }

FieldError invalid_value(std::string field, std::string_view value, std::string_view why) {
  return {std::move(field), "FieldValueInvalid", fmt::format("Invalid value: {}: {}", json_text(value), why)};
}

std::vector<std::string> unknown_meta(const Document& metadata) {
  std::vector<std::string> out;
  if (!metadata.is_object()) return out;
  for (const auto& [name, value] : metadata.items())
    if (std::find(kMetaMembers.begin(), kMetaMembers.end(), name) == kMetaMembers.end())
      out.push_back("metadata." + name);
  return out;
}

std::optional<Failure> check_type(const schema::Definition& of, const Document& document) {
  const std::string version = json::text_of(document, "apiVersion"), kind = json::text_of(document, "kind");
  if (version.empty() || kind.empty())
    return bad_request(fmt::format("the object provided is unrecognized (must be of type {}): {}", of.kind,
                                   version.empty() ? "apiVersion is missing" : "kind is missing"));
  std::vector<FieldError> errors;
  if (version != of.api_version())
    return bad_request(
        fmt::format("the API version in the data ({}) does not match the expected API version ({})", version,
                    of.api_version()));
  if (kind == of.kind) return std::nullopt;
  errors.push_back(invalid_value("kind", kind, "must be " + of.kind));
  // Under the kind that it says it is, as an API server does.
  Failure out = invalid(of, json::text_of(json::member(document, "metadata"), "name"), std::move(errors));
  out.kind = kind;
  out.message.replace(0, of.kind.size(), kind);
  return out;
}

std::optional<Failure> check_place(const Target& target, domain::Object& object) {
  if (object.key.space.empty()) object.key.space = target.space;
  if (object.key.space != target.space)
    return bad_request(
        "the namespace of the provided object does not match the namespace sent on the request");
  if (!target.name.empty() && object.key.name.empty()) object.key.name = target.name;
  if (!target.name.empty() && object.key.name != target.name)
    return bad_request(fmt::format("the name of the object ({}) does not match the name on the URL ({})",
                                   object.key.name, target.name));
  return std::nullopt;
}

void check_meta(const Document& metadata, const domain::Object& object, const domain::Object* before,
                std::vector<FieldError>& errors) {
  if (object.key.name.empty())
    errors.push_back(
        {"metadata.name", "FieldValueRequired", "Required value: name or generateName is required"});
  else if (Status name = domain::check_name(object.key.name); !name)
    errors.push_back(invalid_value("metadata.name", object.key.name, name.error().message));
  for (const auto& [key, value] : object.meta.labels) {
    if (Status fine = domain::check_label_key(key); !fine)
      errors.push_back(invalid_value("metadata.labels", key, fine.error().message));
    if (Status fine = domain::check_label_value(value); !fine)
      errors.push_back(invalid_value("metadata.labels", value, fine.error().message));
  }
  if (Status fine = domain::check_annotations(object.meta.annotations); !fine) {
    const bool too_long = fine.error().code == Code::kTooLarge;
    errors.push_back({"metadata.annotations", too_long ? "FieldValueTooLong" : "FieldValueInvalid",
                      (too_long ? "" : "Invalid value: ") + fine.error().message});
  }
  if (const Document& finalizers = json::member(metadata, "finalizers");
      finalizers.is_array() && !finalizers.empty())
    errors.push_back({"metadata.finalizers", "FieldValueForbidden",
                      "Forbidden: finalizers are not supported here; delete takes effect at once"});
  if (before != nullptr && !object.meta.uid.empty() && object.meta.uid != before->meta.uid)
    errors.push_back(invalid_value("metadata.uid", object.meta.uid, "field is immutable"));
}

// The part that is not being written stays as it is.
void take_other_part(const Target& target, const domain::Object* before, Document& document) {
  if (before == nullptr || target.part == Target::Part::kWhole) {
    document.erase("status");
    return;
  }
  const auto content = json::parse_document(before->content);
  Document merged = content ? *content : Document::object();
  for (const char* name : {"apiVersion", "kind", "metadata", "status"})
    if (document.contains(name)) merged[name] = document[name];
  document = std::move(merged);
}

Document stored_document(const domain::Object& object) {
  auto parsed = json::parse_document(domain::to_json(object), {.bytes = 16 << 20});
  return parsed ? std::move(*parsed) : Document();
}

// What fieldValidation says about what is not known: a failure, or warnings.
std::optional<Failure> judge_unknown(const schema::Definition& of, std::vector<std::string> complaints,
                                     FieldValidation validation, std::vector<std::string>& warnings) {
  if (complaints.empty() || validation == FieldValidation::kIgnore) return std::nullopt;
  std::sort(complaints.begin(), complaints.end());
  if (validation == FieldValidation::kStrict)
    return bad_request(
        fmt::format("{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}", of.kind,
                    of.version, of.kind, fmt::join(complaints, ", ")));
  for (const std::string& complaint : complaints) warnings.push_back("299 - " + json_text(complaint));
  return std::nullopt;
}

}  // namespace

bool is_json(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type.empty() || type == "application/json";
}

std::string name_suffix() {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::array<uint8_t, 5> bytes{};
  os::random_bytes(bytes);
  std::string out;
  for (const uint8_t byte : bytes) out += kLetters[byte % kLetters.size()];
  return out;
}

tl::expected<Decoded, Failure> decode(const Target& target, std::string_view body) {
  const schema::Definition& of = domain::definition(target.kind);
  Decoded out;
  auto document = json::parse_document(body, {}, &out.duplicates);
  if (!document && document.error().code == Code::kTooLarge)
    return tl::unexpected(from_error(document.error(), of, target.name));
  if (!document)
    return tl::unexpected(bad_request(
        fmt::format("the object provided is unrecognized (must be of type {}): json parse error: {}", of.kind,
                    document.error().message)));
  out.document = std::move(*document);
  return out;
}

tl::expected<Admitted, Failure> admit(const Target& target, Decoded decoded, const domain::Object* before,
                                      FieldValidation validation) {
  const schema::Definition& of = domain::definition(target.kind);
  Document& document = decoded.document;
  if (!document.is_object())
    return tl::unexpected(bad_request(
        fmt::format("the object provided is unrecognized (must be of type {}): not a JSON object", of.kind)));
  if (auto failure = check_type(of, document)) return tl::unexpected(std::move(*failure));
  if (!document.contains("metadata")) document["metadata"] = Document::object();

  Admitted out;
  std::vector<std::string> complaints, unknown;
  of.schema.prune(document, unknown);
  for (const std::string& field : unknown)
    complaints.push_back(fmt::format("unknown field {}", json_text(field)));
  for (const std::string& field : unknown_meta(document["metadata"]))
    complaints.push_back(fmt::format("unknown field {}", json_text(field)));
  for (const std::string& field : decoded.duplicates)
    complaints.push_back(fmt::format("duplicate field {}", json_text(field)));
  if (auto failure = judge_unknown(of, std::move(complaints), validation, out.warnings))
    return tl::unexpected(std::move(*failure));

  if (of.has_status) take_other_part(target, before, document);
  of.schema.apply_defaults(document);
  auto object = domain::to_object(target.kind, document);
  if (!object) return tl::unexpected(bad_request(object.error().message));
  if (auto failure = check_place(target, *object)) return tl::unexpected(std::move(*failure));
  if (before == nullptr && object->key.name.empty() && !object->meta.generate_name.empty())
    object->key.name = object->meta.generate_name + name_suffix();

  std::vector<FieldError> errors;
  check_meta(document["metadata"], *object, before, errors);
  if (!object->key.name.empty()) document["metadata"]["name"] = object->key.name;
  const Document old = before == nullptr ? Document() : stored_document(*before);
  for (FieldError& error : of.schema.validate(document, before == nullptr ? nullptr : &old))
    errors.push_back(std::move(error));
  if (!errors.empty()) return tl::unexpected(invalid(of, object->key.name, std::move(errors)));
  out.object = std::move(*object);
  return out;
}

}  // namespace slipway::api
