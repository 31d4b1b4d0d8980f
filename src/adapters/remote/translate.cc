#include "adapters/remote/internal/translate.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "values/domain/endpoint_slice.h"

namespace slipway::remote {
namespace {

constexpr size_t kObjectBytes = 16 << 20;
constexpr size_t kManagerCharacters = 128;

bool has_cause(const kube::ApiError& error, auto&& fits) {
  return std::any_of(error.causes.begin(), error.causes.end(), fits);
}

}  // namespace

kube::Resource resource_of(store::Kind kind) {
  const domain::KindInfo& info = domain::info(kind);
  return {std::string(info.group), std::string(info.version), std::string(info.plural)};
}

std::string selector_of(store::Kind kind) {
  return kind == store::Kind::kEndpointSlice ? std::string(domain::kDeploymentLabel) : "";
}

kube::ObjectRef ref_of(const store::ObjectKey& key) { return {resource_of(key.kind), key.space, key.name}; }

Result<store::ObjectPtr> to_object(store::Kind kind, std::string_view json) {
  const auto document = json::parse_document(json, {.bytes = kObjectBytes});
  if (!document) return fail(base::within("reading the server's answer", document.error()));
  auto object = domain::to_object(kind, *document);
  if (!object) return fail(base::within("reading the server's answer", object.error()));
  return std::make_shared<const store::Object>(std::move(*object));
}

Result<uint64_t> to_version(std::string_view text) {
  uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(Code::kInvalid, "the server's resourceVersion '{}' is not a number", text);
  return version;
}

Error to_error(const kube::ApiError& error) {
  if (error.expired()) return {Code::kNotFound, error.error.message};
  return error.error;
}

bool is_too_new(const kube::ApiError& error) {
  return error.status == 504 && has_cause(error, [](const kube::Cause& cause) {
           return cause.reason == "ResourceVersionTooLarge" || cause.message == "Too large resource version";
         });
}

std::string body_of(store::Object object, const store::Precondition& seen) {
  object.meta.uid = seen.uid;
  object.meta.resource_version = seen.resource_version;
  object.meta.generation = 0;
  object.meta.created.clear();
  return domain::to_json(object);
}

std::string manager_of(const store::Cause& cause) {
  std::string out;
  for (const char c : cause.reason.substr(0, kManagerCharacters)) out += c > ' ' && c < 0x7F ? c : '-';
  return out.empty() ? "slipway" : out;
}

}  // namespace slipway::remote
