// Where the API server is for what runs on a cluster.
#pragma once

#include "services/cli/command.h"
#include "system/kube/kubeconfig.h"

namespace slipway::app {

// --cluster, and how it is reached from outside of one.
std::vector<cli::Option> cluster_options();

// As --kubeconfig or --context say; else as Kubernetes tells every pod. `-n` wins over their namespace.
Result<kube::Access> cluster_access(const cli::Arguments& arguments);

}  // namespace slipway::app
