// An EndpointSlice as a struct: where the replicas of one revision answer. Source: discovery.k8s.io/v1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "values/domain/object.h"

namespace slipway::domain {

inline constexpr std::string_view kServiceLabel = "kubernetes.io/service-name";  // its value: the revision
inline constexpr std::string_view kDeploymentLabel = "slipway.dev/deployment";

struct Endpoint {
  std::string replica;  // <revision>-<ordinal>, or the pod's name
  std::string address;  // "<id>.sock" on one machine, an IP on a cluster
  bool ready = false;   // takes new requests
  bool terminating = false;

  bool operator==(const Endpoint&) const = default;
};

struct EndpointSlice {
  std::string name;
  std::string revision, deployment;
  std::vector<Endpoint> endpoints;
  int port = 0;  // 0: the address needs none

  bool operator==(const EndpointSlice&) const = default;
};

// An Object as the store takes it, in the namespace.
Object to_object(const EndpointSlice& slice, const std::string& space);
// kInvalid when it is none, or names no revision. Endpoints without an address are left out; what does not
// say whether it is ready is.
Result<EndpointSlice> parse_endpoint_slice(const Object& object);

}  // namespace slipway::domain
