// What `slipway status` shows of Slipway on a cluster.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/cli/metrics_text.h"
#include "services/cli/platform.h"
#include "services/cli/pods.h"
#include "values/json/document.h"

namespace slipway::cli {

// Control or the gateway: a Deployment of the cluster's.
struct PartSeen {
  std::string name;  // "control"
  int ready = 0, desired = 0;
  std::string version;
  std::string trouble;  // what keeps one of its pods from being ready; empty: nothing, or nothing is said

  bool operator==(const PartSeen&) const = default;
};

struct ClusterSeen {
  std::string context, server, ns, version;
  std::vector<PartSeen> parts;  // in the namespace; control may be in another one
  std::string leader;           // the control that leads; empty: none does, or it is not known
  std::string options;          // that lead there: " --context prod"
  std::string problem;          // why the parts are not known; empty: they are

  bool operator==(const ClusterSeen&) const = default;
};

// Of the Deployments and pods that bear our labels. Pure.
std::vector<PartSeen> parts_of(const std::vector<json::Document>& deployments,
                               const std::vector<PodSeen>& pods);
// The holder that a Lease names, while it holds. Pure.
std::string leader_of(const json::Document& lease, WallTime now);

ClusterSeen look_at_cluster(const Platform& platform, kube::Client& client);
// The metrics of all gateways in the namespace together; nothing where one may not look.
std::optional<std::vector<MetricSample>> scrape_gateways(const Platform& platform, kube::Client& client);

// Pure.
std::string cluster_text(const ClusterSeen& seen);
json::Document cluster_document(const ClusterSeen& seen);

}  // namespace slipway::cli
