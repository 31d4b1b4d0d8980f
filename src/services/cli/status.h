// `slipway status`: the whole platform on one screen.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "services/cli/cluster_status.h"
#include "services/cli/command.h"
#include "services/cli/metrics_text.h"
#include "values/domain/model_deployment.h"

namespace slipway::cli {

Command status_command();

// One process of the platform, as its lock tells.
struct ProcessSeen {
  std::string name;  // "control"
  std::optional<pid_t> holder;
  std::string address;  // where it answers; empty: nowhere, or not known

  bool operator==(const ProcessSeen&) const = default;
};

// What one look at the platform found.
struct PlatformSeen {
  std::string data;                    // the data folder; empty: it is another machine's platform
  std::vector<ProcessSeen> processes;  // of this machine
  std::optional<ClusterSeen> cluster;  // instead of processes and limits
  std::string limits;                  // how replicas are held to theirs
  std::vector<domain::ModelDeployment> deployments;
  std::map<std::string, Traffic> traffic;  // by deployment; empty: the gateway does not say
  std::string problem;                     // why the API does not answer; empty: it does
};

// As people see it, and as programs do. Pure.
std::string status_text(const PlatformSeen& seen, WallTime now);
json::Document status_document(const PlatformSeen& seen);

}  // namespace slipway::cli
