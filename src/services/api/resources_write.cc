#include <nlohmann/json.hpp>

#include "services/api/internal/list_answer.h"
#include "services/api/internal/patch.h"
#include "services/api/internal/resources.h"
#include "services/api/internal/scale.h"
#include "values/domain/definitions.h"

namespace slipway::api {
namespace {

constexpr int kAttempts = 8;  // of a patch that others' writes overtake
constexpr std::string_view kOnlySpace = "default";

std::optional<Failure> check_space(const Call& call) {
  if (call.target.space == kOnlySpace) return std::nullopt;
  return Failure{.code = 404,
                 .reason = "NotFound",
                 .message = fmt::format("namespaces \"{}\" not found: one machine has the namespace default",
                                        call.target.space),
                 .name = call.target.space,
                 .kind = "namespaces"};
}

// Our own kinds are never written blindly; Events and EndpointSlices may be, as in Kubernetes.
bool needs_version(domain::Kind kind) { return !domain::info(kind).in_memory; }

Failure version_needed(const schema::Definition& of, const std::string& name) {
  schema::FieldError cause{"metadata.resourceVersion", "FieldValueInvalid",
                           "Invalid value: 0: must be specified for an update"};
  Failure out = invalid(of, name, {cause});
  out.message = fmt::format("{} \"{}\" is invalid: {}: {}", of.resource(), name, cause.field, cause.message);
  out.kind = of.plural;
  return out;
}

// What a deletion asks for besides; the body may be absent.
struct Deletion {
  store::Precondition seen;
  bool dry_run = false;
};

Failure bad_delete_options(std::string field, const std::string& value, std::string_view supported) {
  schema::FieldError cause{std::move(field), "FieldValueNotSupported",
                           fmt::format("Unsupported value: \"{}\": supported values: {}", value, supported)};
  return {
      .code = 422,
      .reason = "Invalid",
      .message = fmt::format("DeleteOptions.meta.k8s.io \"\" is invalid: {}: {}", cause.field, cause.message),
      .group = "meta.k8s.io",
      .kind = "DeleteOptions",
      .causes = {cause}};
}

tl::expected<Deletion, Failure> parse_deletion(const Parameters& parameters, std::string_view body) {
  auto options = body.empty() ? Result<json::Document>(json::Document::object()) : json::parse_document(body);
  if (!options) return tl::unexpected(bad_request("DeleteOptions: " + options.error().message));
  Deletion out;
  std::string policy = json::text_of(*options, "propagationPolicy");
  if (policy.empty()) policy = parameters.get("propagationPolicy");
  if (!policy.empty() && policy != "Foreground" && policy != "Background" && policy != "Orphan")
    return tl::unexpected(bad_delete_options("propagationPolicy", policy,
                                             "\"Foreground\", \"Background\", \"Orphan\", \"nil\""));
  std::vector<std::string> dry_run = parameters.all("dryRun");
  for (const json::Document& each : json::member(*options, "dryRun"))
    dry_run.push_back(each.is_string() ? each.get<std::string>() : "");
  for (const std::string& each : dry_run)
    if (each != "All") return tl::unexpected(bad_delete_options("dryRun", each, "\"All\""));
  out.dry_run = !dry_run.empty();
  const json::Document& preconditions = json::member(*options, "preconditions");
  out.seen.uid = json::text_of(preconditions, "uid");
  if (const std::string version = json::text_of(preconditions, "resourceVersion"); !version.empty()) {
    const auto meta = domain::parse_meta({{"resourceVersion", version}});
    if (!meta) return tl::unexpected(bad_request("preconditions.resourceVersion is not a number"));
    out.seen.resource_version = meta->resource_version;
  }
  return out;
}

// Says which of the two is not what was seen, as an API server does.
Failure precondition_failed(const schema::Definition& of, const domain::Object& object,
                            const store::Precondition& seen) {
  const bool uid = !seen.uid.empty() && seen.uid != object.meta.uid;
  Failure out = conflict(of, object.key.name);
  out.kind = of.kind;
  out.message =
      uid ? fmt::format(
                "Operation cannot be fulfilled on {} \"{}\": the UID in the precondition ({}) does not match "
                "the UID in record ({}). The object might have been deleted and then recreated",
                of.qualified_kind(), object.key.name, seen.uid, object.meta.uid)
          : fmt::format(
                "Operation cannot be fulfilled on {} \"{}\": the ResourceVersion in the precondition ({}) "
                "does not match the ResourceVersion in record ({}). The object might have been modified",
                of.qualified_kind(), object.key.name, seen.resource_version, object.meta.resource_version);
  return out;
}

Failure deleted(const schema::Definition& of, const domain::Object& object) {
  return {.code = 200,
          .reason = "",
          .message = "",
          .name = object.key.name,
          .group = of.group,
          .kind = of.plural,
          .uid = object.meta.uid};
}

}  // namespace

void Resources::with_body(http::Exchange& exchange, Task task) const {
  exchange.read_all(options_.body_bytes, [this, task = std::move(task)](http::Exchange& asked,
                                                                        Result<std::string_view> body) {
    if (!body && body.error().code == Code::kTooLarge)
      return respond(asked,
                     {.code = 413,
                      .reason = "RequestEntityTooLarge",
                      .message = fmt::format("Request entity too large: limit is {}", options_.body_bytes)});
    if (!body && body.error().code == Code::kInvalid)
      return respond(asked, bad_request("the body cannot be read: " + body.error().message));
    if (!body)
      return respond(
          asked,
          {.code = 503, .reason = "ServiceUnavailable", .message = body.error().message, .retry_after = 1});
    auto work = [kept = asked.shared_from_this(), task, text = *body] { task(*kept, text); };
    if (!executor_.submit(std::move(work)))
      respond(asked, {.code = 429,
                      .reason = "TooManyRequests",
                      .message = "too many requests wait; try again later",
                      .retry_after = 1});
  });
}

store::Cause Resources::cause(const Call& call, const WriteQuery& query, std::string_view request_id) const {
  return {.actor = call.actor,
          .reason = query.manager.empty() ? "api" : query.manager.substr(0, 128),
          .request_id = std::string(request_id)};
}

void Resources::create(http::Exchange& exchange, const Call& call) const {
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  auto query = parse_write_query(*parameters, "CreateOptions");
  if (!query) return respond(exchange, query.error());
  if (auto failure = check_space(call)) return respond(exchange, *failure);
  if (!is_json(exchange.head().find("content-type")))
    return respond(exchange, unsupported_media_type("application/json"));
  with_body(exchange, [this, call, query = *query](http::Exchange& asked, std::string_view body) {
    create_now(asked, call, query, body);
  });
}

void Resources::create_now(http::Exchange& exchange, const Call& call, const WriteQuery& query,
                           std::string_view body) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  auto decoded = decode(call.target, body);
  if (!decoded) return respond(exchange, decoded.error());
  for (int attempt = 1;; ++attempt) {
    auto admitted = admit(call.target, *decoded, nullptr, query.validation);
    if (!admitted) return respond(exchange, admitted.error());
    const std::string name = admitted->object.key.name;
    if (admitted->object.meta.resource_version != 0)
      return respond(exchange, bad_request("resourceVersion should not be set on objects to be created"));
    if (query.dry_run) {
      if (store_.get(admitted->object.key)) return respond(exchange, already_exists(of, name));
      admitted->object.meta.generation = 1;
      admitted->object.meta.created = base::rfc3339(watches_.clock().wall()).substr(0, 19) + "Z";
      return respond_json(exchange, 201, domain::to_json(admitted->object), admitted->warnings);
    }
    const bool generated = json::text_of(json::member(decoded->document, "metadata"), "name").empty();
    const auto created =
        store_.create(std::move(admitted->object), cause(call, query, exchange.request_id()));
    if (created) return respond_json(exchange, 201, domain::to_json(**created), admitted->warnings);
    if (generated && created.error().code == Code::kConflict && attempt < kAttempts)
      continue;  // another name, then
    return respond(exchange, created.error().code == Code::kConflict ? already_exists(of, name)
                                                                     : from_error(created.error(), of, name));
  }
}

void Resources::replace(http::Exchange& exchange, const Call& call) const {
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  auto query = parse_write_query(*parameters, "UpdateOptions");
  if (!query) return respond(exchange, query.error());
  if (!is_json(exchange.head().find("content-type")))
    return respond(exchange, unsupported_media_type("application/json"));
  with_body(exchange, [this, call, query = *query](http::Exchange& asked, std::string_view body) {
    replace_now(asked, call, query, body);
  });
}

void Resources::replace_now(http::Exchange& exchange, const Call& call, const WriteQuery& query,
                            std::string_view body) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  const bool scale = call.sub == Call::Sub::kScale;
  auto decoded = decode(call.target, body);
  if (!decoded) return respond(exchange, decoded.error());
  const auto current = store_.get({call.target.kind, call.target.space, call.target.name});
  if (!current) return respond(exchange, from_error(current.error(), of, call.target.name));
  if (scale) {
    auto document = with_scale(**current, decoded->document);
    if (!document) return respond(exchange, document.error());
    *decoded = {.document = std::move(*document), .duplicates = {}};
  }
  const bool has_version =
      !json::text_of(json::member(decoded->document, "metadata"), "resourceVersion").empty();
  if (!has_version && !scale && needs_version(call.target.kind))
    return respond(exchange, version_needed(of, call.target.name));
  // Deleted and made anew since the caller saw it: a conflict like any other, so that callers read it again.
  const std::string uid = json::text_of(json::member(decoded->document, "metadata"), "uid");
  if (!uid.empty() && uid != (*current)->meta.uid)
    return respond(exchange, precondition_failed(of, **current, {.uid = uid}));
  auto stored = store_change(call, {.current = *current, .decoded = std::move(*decoded), .query = query},
                             exchange.request_id());
  if (!stored) return respond(exchange, stored.error());
  respond_json(exchange, 200, shown_text(call, *stored->object), stored->warnings);
}

void Resources::patch(http::Exchange& exchange, const Call& call) const {
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  auto query = parse_write_query(*parameters, "PatchOptions");
  if (!query) return respond(exchange, query.error());
  if (!patch_type(exchange.head().find("content-type")))
    return respond(exchange, unsupported_media_type(kPatchTypes));
  with_body(exchange, [this, call, query = *query](http::Exchange& asked, std::string_view body) {
    patch_now(asked, call, query, body);
  });
}

void Resources::patch_now(http::Exchange& exchange, const Call& call, const WriteQuery& query,
                          std::string_view body) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  const PatchType type = *patch_type(exchange.head().find("content-type"));
  for (int attempt = 1;; ++attempt) {
    const auto current = store_.get({call.target.kind, call.target.space, call.target.name});
    if (!current) return respond(exchange, from_error(current.error(), of, call.target.name));
    auto patched = apply_patch(type, body, shown(call, **current));
    if (!patched) return respond(exchange, patched.error());
    const std::string version = json::text_of(json::member(*patched, "metadata"), "resourceVersion");
    const std::string seen = fmt::format("{}", (*current)->meta.resource_version);
    const bool names_version = !version.empty() && version != seen;
    // A patch that takes the version away must not write over what came since it was applied.
    if (version.empty() && json::member(*patched, "metadata").is_object())
      (*patched)["metadata"]["resourceVersion"] = seen;
    if (call.sub == Call::Sub::kScale) {
      patched = with_scale(**current, *patched);
      if (!patched) return respond(exchange, patched.error());
    }
    auto stored = store_change(
        call,
        {.current = *current, .decoded = {.document = std::move(*patched), .duplicates = {}}, .query = query},
        exchange.request_id());
    if (stored) return respond_json(exchange, 200, shown_text(call, *stored->object), stored->warnings);
    // Overtaken: the patch is applied to what is there now, unless it says itself what it was made for.
    if (stored.error().reason != "Conflict" || names_version || attempt == kAttempts)
      return respond(exchange, stored.error());
  }
}

tl::expected<Resources::Stored, Failure> Resources::store_change(const Call& call, Change change,
                                                                 std::string_view request_id) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  const domain::Object& current = *change.current;
  auto admitted = admit(call.target, std::move(change.decoded), &current, change.query.validation);
  if (!admitted) return tl::unexpected(admitted.error());
  domain::Object& object = admitted->object;
  store::Precondition seen{.uid = current.meta.uid, .resource_version = object.meta.resource_version};
  const bool status = call.target.part == Target::Part::kStatus;
  if (change.query.dry_run) {
    if (seen.resource_version != 0 && seen.resource_version != current.meta.resource_version)
      return tl::unexpected(conflict(of, current.key.name));
    domain::Object shown_object = current;
    if (status) {
      shown_object.status = object.status;
    } else {
      shown_object.meta.labels = object.meta.labels;
      shown_object.meta.annotations = object.meta.annotations;
      shown_object.meta.owners = object.meta.owners;
      shown_object.meta.generation += object.content == current.content ? 0 : 1;
      shown_object.content = object.content;
    }
    return Stored{std::make_shared<const domain::Object>(std::move(shown_object)),
                  std::move(admitted->warnings)};
  }
  const store::Cause why = cause(call, change.query, request_id);
  auto stored = status ? store_.update_status(current.key, object.status, seen, why)
                       : store_.update(std::move(object), seen, why);
  if (!stored) return tl::unexpected(from_error(stored.error(), of, current.key.name));
  return Stored{*stored, std::move(admitted->warnings)};
}

void Resources::remove(http::Exchange& exchange, const Call& call) const {
  with_body(exchange,
            [this, call](http::Exchange& asked, std::string_view body) { remove_now(asked, call, body); });
}

void Resources::remove_now(http::Exchange& exchange, const Call& call, std::string_view body) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  const auto deletion = parse_deletion(*parameters, body);
  if (!deletion) return respond(exchange, deletion.error());
  const store::ObjectKey key{call.target.kind, call.target.space, call.target.name};
  const auto current = store_.get(key);
  if (!current) return respond(exchange, from_error(current.error(), of, key.name));
  const auto& [uid, version] = deletion->seen;
  if ((!uid.empty() && uid != (*current)->meta.uid) ||
      (version != 0 && version != (*current)->meta.resource_version))
    return respond(exchange, precondition_failed(of, **current, deletion->seen));
  if (deletion->dry_run) return respond(exchange, deleted(of, **current));
  const auto removed = store_.remove(key, deletion->seen, cause(call, {}, exchange.request_id()));
  respond(exchange, removed ? deleted(of, **removed) : from_error(removed.error(), of, key.name));
}

void Resources::remove_all(http::Exchange& exchange, const Call& call) const {
  const schema::Definition& of = domain::definition(call.target.kind);
  const auto parameters = Parameters::parse(exchange.head().query);
  if (!parameters) return respond(exchange, bad_request(parameters.error().message));
  auto query = parse_list_query(*parameters);
  if (!query) return respond(exchange, query.error());
  auto filter = Filter::make(call.target.kind, query->labels, query->fields);
  if (!filter) return respond(exchange, filter.error());
  with_body(exchange, [this, call, &of, filter = *filter, parameters = *parameters](http::Exchange& asked,
                                                                                    std::string_view body) {
    const auto deletion = parse_deletion(parameters, body);
    if (!deletion) return respond(asked, deletion.error());
    auto listing = store_.list(call.target.kind, {.space = call.target.space});
    if (!listing) return respond(asked, from_error(listing.error(), of, ""));
    std::erase_if(listing->items, [&](const domain::ObjectPtr& item) { return !filter.matches(*item); });
    for (const domain::ObjectPtr& item : listing->items) {
      if (deletion->dry_run) break;
      const auto removed =
          store_.remove(item->key, {.uid = item->meta.uid}, cause(call, {}, asked.request_id()));
      if (!removed && removed.error().code != Code::kNotFound)
        return respond(asked, from_error(removed.error(), of, item->key.name));
    }
    respond(asked, ListAnswer{.kind = call.target.kind,
                              .view = {},
                              .items = std::move(listing->items),
                              .meta = fmt::format(R"({{"resourceVersion":"{}"}})", listing->resource_version),
                              .now = watches_.clock().wall()});
  });
}

}  // namespace slipway::api
