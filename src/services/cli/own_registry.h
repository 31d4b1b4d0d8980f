// The platform's own registry: beside the API on one machine; on a cluster a service, which is reached
// through the API server's proxy by whoever may read its Secret.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "services/cli/models.h"
#include "services/cli/platform.h"
#include "system/oci/client.h"

namespace slipway::cli {

// Control makes it where it has a registry.
inline constexpr std::string_view kRegistrySecret = "slipway-registry";

// What the Secret says: where the registry is inside of the cluster, and what opens it.
struct OwnRegistry {
  std::string service = "slipway-registry", ns;
  int port = 5000;
  std::string token;

  bool operator==(const OwnRegistry&) const = default;
  // Below the API server's address.
  std::string proxy_path() const;
};
// From the Secret object. kInvalid: one that control did not make. Pure.
Result<OwnRegistry> parse_own_registry(std::string_view secret_json, std::string_view ns);

// kNotFound, kDenied: the platform has none, or none for us; and what to do about it.
Result<std::unique_ptr<oci::RegistryClient>> own_registry(const Platform& platform,
                                                          oci::ClientOptions options);

// Where a version's files lie: the platform's own registry, or the one that the artifact names.
Result<std::unique_ptr<oci::RegistryClient>> registry_of(const Platform& platform, const Artifact& artifact,
                                                         const Arguments& arguments,
                                                         oci::ClientOptions options);

}  // namespace slipway::cli
