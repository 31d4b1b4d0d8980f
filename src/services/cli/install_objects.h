// What `slipway install` puts into a cluster, as objects. Pure, so that what is printed, checked in under
// deploy/, applied and removed again is one and the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"
#include "values/json/document.h"

namespace slipway::cli {

// How callers outside the cluster reach the gateway: one field, from which the objects and status.url follow.
struct Expose {
  enum class Kind : uint8_t { kClusterIp, kNodePort, kLoadBalancer, kIngress, kHttpRoute };
  Kind kind = Kind::kClusterIp;
  std::string scheme = "http";         // of what is in front of the gateway
  std::string host;                    // of Ingress and HTTPRoute; may be empty for the others
  int port = 0;                        // of NodePort; 0: the cluster picks one
  std::string gateway_space, gateway;  // of HTTPRoute: the Gateway it hangs on; no space: our own

  bool operator==(const Expose&) const = default;
};

// ClusterIP | NodePort[:HOST:PORT] | LoadBalancer[:HOST] | ingress:HOST | httproute:[NAMESPACE/]GATEWAY/HOST;
// https:// before HOST where TLS ends in front of the gateway. kInvalid with the forms there are.
Result<Expose> parse_expose(std::string_view text);

std::string expose_text(const Expose& expose);  // parse_expose() backwards

enum class Part : uint8_t { kAll, kDefinitions, kControl, kGateway };
enum class Reach : uint8_t { kNamespace, kAllNamespaces };

// The claim that control's own registry keeps models in.
struct RegistryClaim {
  std::string size = "10Gi";
  std::string storage_class;  // empty: the cluster's default

  bool operator==(const RegistryClaim&) const = default;
};

struct InstallOptions {
  std::string ns = "default";
  std::string image;    // of control, gateway and what serves models
  std::string version;  // of the program that installs
  Part part = Part::kAll;
  Reach reach = Reach::kNamespace;  // of control
  Expose expose = {};
  int replicas = 2;                       // of the gateway
  std::optional<RegistryClaim> registry;  // control's own, where there is none yet
  std::vector<std::string> pull_secrets;
  std::string cache_claim;
  enum class Policies : uint8_t { kNone, kStrict } policies = Policies::kNone;
  enum class Space : uint8_t { kThere, kMade } space = Space::kThere;  // the namespace
};

// kInvalid with the option that is wrong and what it may be.
Status check(const InstallOptions& options);

// In the order in which they are applied. Deployments, roles and the like belong to `ns`; what is of the
// whole cluster is the definitions and, with Reach::kAllNamespaces, control's ClusterRole and those for
// users.
std::vector<json::Document> install_objects(const InstallOptions& options);

// Everything that some options would make in this namespace, to see what is there and is no longer wanted.
std::vector<json::Document> installable_objects(const std::string& ns);

// Where callers reach the gateway: what control writes into status.url.
std::string gateway_url(const Expose& expose);

// What names and labels of ours say, wherever they are read again.
inline constexpr std::string_view kPartOf = "app.kubernetes.io/part-of";
inline constexpr std::string_view kInstalledFrom = "slipway.dev/installed-from";  // of cluster-wide objects

}  // namespace slipway::cli
