#include "apps/slipway/cluster_access.h"

#include <cstdlib>

#include "services/cli/platform.h"

namespace slipway::app {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::vector<cli::Option> cluster_options() {
  return {{.names = "--cluster",
           .value = "",
           .help = "Work on the cluster of the pod that this runs in, or of --kubeconfig or --context"},
          {.names = "--kubeconfig", .value = "FILE", .help = "With --cluster: the cluster that it leads to"},
          {.names = "--context",
           .value = "NAME",
           .help = "With --cluster: the cluster of this context in $KUBECONFIG or ~/.kube/config"},
          {.names = "-n,--namespace",
           .value = "NAME",
           .help = "With --cluster: the namespace (default: the pod's, or the context's)"}};
}

Result<kube::Access> cluster_access(const cli::Arguments& arguments) {
  const bool named = arguments.has("--kubeconfig") || arguments.has("--context");
  if (named) {
    auto platform = cli::find_platform(arguments, cli::Warnings::kIgnored);
    if (!platform) return fail(platform.error());
    return std::move(platform->access);
  }
  auto access =
      kube::pod_access(environment("KUBERNETES_SERVICE_HOST"), environment("KUBERNETES_SERVICE_PORT"));
  if (!access)
    return fail(access.error().code,
                "--cluster: {}; outside of a pod, name the cluster by --kubeconfig or --context",
                access.error().message);
  if (arguments.has("--namespace")) access->ns = arguments.get("--namespace");
  return access;
}

}  // namespace slipway::app
