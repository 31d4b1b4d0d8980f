#include "values/domain/endpoint_slice.h"

#include <nlohmann/json.hpp>

namespace slipway::domain {
namespace {

using json::Document;
using json::member;
using json::text_of;

constexpr size_t kMostEndpoints = 1000;  // as the definition has it

std::string label(const Labels& labels, std::string_view name) {
  const auto at = labels.find(std::string(name));
  return at == labels.end() ? "" : at->second;
}

bool flag(const Document& conditions, std::string_view name, bool otherwise) {
  const Document& value = member(conditions, name);
  return value.is_boolean() ? value.get<bool>() : otherwise;
}

Endpoint parse_endpoint(const Document& item) {
  Endpoint out{.replica = text_of(member(item, "targetRef"), "name"), .address = {}};
  const Document& addresses = member(item, "addresses");
  if (addresses.is_array() && !addresses.empty() && addresses[0].is_string())
    out.address = addresses[0].get<std::string>();
  const Document& conditions = member(item, "conditions");
  out.ready = flag(conditions, "ready", true);
  out.terminating = flag(conditions, "terminating", false);
  if (out.replica.empty()) out.replica = out.address;
  return out;
}

}  // namespace

Object to_object(const EndpointSlice& slice, const std::string& space) {
  Document endpoints = Document::array();
  for (const Endpoint& each : slice.endpoints)
    endpoints.push_back(
        {{"addresses", {each.address}},
         {"conditions", {{"ready", each.ready}, {"serving", each.ready}, {"terminating", each.terminating}}},
         {"targetRef", {{"kind", "Pod"}, {"name", each.replica}, {"namespace", space}}}});
  Document content{{"addressType", "FQDN"}, {"endpoints", std::move(endpoints)}};
  if (slice.port != 0) content["ports"] = {{{"name", "http"}, {"protocol", "TCP"}, {"port", slice.port}}};
  Object out{.key = {Kind::kEndpointSlice, space, slice.name},
             .meta = {},
             .content = json::canonical(content),
             .status = {}};
  out.meta.labels = {{std::string(kServiceLabel), slice.revision},
                     {std::string(kDeploymentLabel), slice.deployment}};
  return out;
}

Result<EndpointSlice> parse_endpoint_slice(const Object& object) {
  EndpointSlice out{.name = object.key.name,
                    .revision = label(object.meta.labels, kServiceLabel),
                    .deployment = label(object.meta.labels, kDeploymentLabel),
                    .endpoints = {}};
  if (out.revision.empty())
    return fail(Code::kInvalid, "{}: the label {} is needed", object.key.str(), kServiceLabel);
  const auto content = json::parse_document(object.content);
  if (!content) return fail(base::within(object.key.str(), content.error()));
  for (const Document& item : member(*content, "endpoints")) {
    Endpoint endpoint = parse_endpoint(item);
    if (!endpoint.address.empty() && out.endpoints.size() < kMostEndpoints)
      out.endpoints.push_back(std::move(endpoint));
  }
  const Document& ports = member(*content, "ports");
  if (ports.is_array() && !ports.empty())
    if (const Document& port = member(ports[0], "port"); port.is_number_integer()) out.port = port.get<int>();
  return out;
}

}  // namespace slipway::domain
