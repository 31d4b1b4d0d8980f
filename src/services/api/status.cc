#include "services/api/internal/status.h"

#include <array>

#include "values/json/writer.h"

namespace slipway::api {
namespace {

void write_causes(json::Writer& out, const std::vector<schema::FieldError>& causes) {
  out.key("causes").begin_array();
  for (const schema::FieldError& cause : causes)
    out.object([&](json::Writer& members) {
      members.key("reason").value(cause.reason).key("message").value(cause.message);
      if (!cause.field.empty()) members.key("field").value(cause.field);
    });
  out.end_array();
}

void write_details(json::Writer& out, const Failure& failure) {
  out.key("details").object([&](json::Writer& members) {
    if (!failure.name.empty()) members.key("name").value(failure.name);
    if (!failure.group.empty()) members.key("group").value(failure.group);
    if (!failure.kind.empty()) members.key("kind").value(failure.kind);
    if (!failure.uid.empty()) members.key("uid").value(failure.uid);
    if (!failure.causes.empty()) write_causes(members, failure.causes);
    if (failure.retry_after > 0) members.key("retryAfterSeconds").value(failure.retry_after);
  });
}

Failure about(int code, std::string reason, std::string message, const schema::Definition& of,
              const std::string& name) {
  return {.code = code,
          .reason = std::move(reason),
          .message = std::move(message),
          .name = name,
          .group = of.group,
          .kind = of.plural};
}

}  // namespace

std::string to_json(const Failure& failure) {
  std::string out;
  json::Writer(out).object([&](json::Writer& members) {
    members.key("kind").value("Status").key("apiVersion").value("v1").key("metadata").raw("{}");
    members.key("status").value(failure.code < 300 ? "Success" : "Failure");
    if (!failure.message.empty()) members.key("message").value(failure.message);
    if (!failure.reason.empty()) members.key("reason").value(failure.reason);
    if (!failure.kind.empty() || !failure.causes.empty() || failure.retry_after > 0)
      write_details(members, failure);
    if (failure.code >= 300) members.key("code").value(failure.code);
  });
  return out;
}

void respond(http::Exchange& exchange, const Failure& failure) {
  const std::string retry = fmt::format("{}", failure.retry_after);
  std::array<base::Header, 2> headers{};
  size_t count = 0;
  if (failure.retry_after > 0) headers[count++] = {"retry-after", retry};
  if (failure.code == 401) headers[count++] = {"www-authenticate", "Basic realm=\"slipway\""};
  exchange.respond(
      {.status = failure.code, .headers = std::span(headers).first(count), .body = to_json(failure)});
}

void respond_json(http::Exchange& exchange, int status, std::string_view body,
                  std::span<const std::string> warnings) {
  std::vector<base::Header> headers;
  for (const std::string& warning : warnings) headers.push_back({"warning", warning});
  exchange.respond({.status = status, .headers = headers, .body = body});
}

Failure bad_request(std::string message) {
  return {.code = 400, .reason = "BadRequest", .message = std::move(message)};
}

Failure not_found(const schema::Definition& of, const std::string& name) {
  return about(404, "NotFound", fmt::format("{} \"{}\" not found", of.resource(), name), of, name);
}

Failure already_exists(const schema::Definition& of, const std::string& name) {
  return about(409, "AlreadyExists", fmt::format("{} \"{}\" already exists", of.resource(), name), of, name);
}

Failure conflict(const schema::Definition& of, const std::string& name) {
  return about(
      409, "Conflict",
      fmt::format(
          "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your "
          "changes to the latest version and try again",
          of.resource(), name),
      of, name);
}

Failure invalid(const schema::Definition& of, const std::string& name,
                std::vector<schema::FieldError> causes) {
  Failure out = about(
      422, "Invalid",
      fmt::format("{} \"{}\" is invalid: {}", of.qualified_kind(), name, schema::to_text(causes)), of, name);
  out.kind = of.kind;
  out.causes = std::move(causes);
  return out;
}

Failure unsupported_media_type(std::string_view accepted) {
  return {
      .code = 415,
      .reason = "UnsupportedMediaType",
      .message = fmt::format(
          "the body of the request was in an unknown format - accepted media types include: {}", accepted)};
}

Failure expired(std::string message) {
  return {.code = 410, .reason = "Expired", .message = std::move(message)};
}

Failure not_observed(const schema::Definition& of) {
  return {.code = 503,
          .reason = "ServiceUnavailable",
          .message =
              fmt::format("{}: what runs has not been looked at since the start; ask again", of.resource()),
          .kind = of.plural,
          .retry_after = 1};
}

Failure from_error(const Error& error, const schema::Definition& of, const std::string& name) {
  switch (error.code) {
    case Code::kNotFound:
      return not_found(of, name);
    case Code::kConflict:
      return conflict(of, name);
    case Code::kInvalid:
      return bad_request(error.message);
    case Code::kTooLarge:
      return {.code = 413, .reason = "RequestEntityTooLarge", .message = error.message};
    case Code::kTimeout:
      return {.code = 504,
              .reason = "Timeout",
              .message = "Timeout: " + error.message,
              .causes = {{"", "ResourceVersionTooLarge", "Too large resource version"}},
              .retry_after = 1};
    case Code::kUnavailable:
    case Code::kExhausted:
      return {.code = 503, .reason = "ServiceUnavailable", .message = error.message, .retry_after = 1};
    case Code::kDenied:
      return {.code = 403, .reason = "Forbidden", .message = error.message};
    default:
      return {.code = 500, .reason = "InternalError", .message = error.message};
  }
}

}  // namespace slipway::api
