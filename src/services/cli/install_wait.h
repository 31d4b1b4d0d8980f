// How far Slipway's own Deployments are, and what holds them up. Pure but for await_ready.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "system/kube/client.h"
#include "values/base/time.h"
#include "values/json/document.h"

namespace slipway::cli {

struct Readiness {
  std::string name;
  int ready = 0, wanted = 0;
  std::string trouble;  // why not more are ready, in the cluster's own words; may be empty

  bool complete() const { return wanted > 0 && ready >= wanted; }
  std::string str() const;  // slipway-gateway: 1 of 2 ready (ImagePullBackOff: …)
  bool operator==(const Readiness&) const = default;
};

// Replicas count when they run the newest template and have been seen by it: those of an older one are on
// their way out. `pods` are the Deployment's.
Readiness readiness_of(const json::Document& deployment, const std::vector<json::Document>& pods);

struct ReadyWait {
  std::string ns;
  std::vector<std::string> deployments;
  Duration patience;
  std::function<void(const std::vector<Readiness>&)> show;  // whenever something has changed
};
// kTimeout with what is not ready and why.
Status await_ready(kube::Client& client, const ReadyWait& wait);

}  // namespace slipway::cli
