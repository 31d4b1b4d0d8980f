// Slipway's pods on a cluster, as commands need them: which there are, which are ready, what ails one. What
// comes from JSON is pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/cli/platform.h"
#include "system/kube/port_forward.h"

namespace slipway::cli {

struct ContainerSeen {
  std::string name;
  bool init = false;   // it runs before the others
  bool ended = false;  // an init container that did its work
  int restarts = 0;
  std::string reason, message;  // why it waits or ended; empty: it runs, or nothing is said

  bool operator==(const ContainerSeen&) const = default;
};

struct PodSeen {
  std::string name, node;
  std::string phase;            // Pending, Running, …
  bool ready = false;           // it takes requests
  bool leaving = false;         // it was told to end
  uint16_t http_port = 0;       // of the container's port `http`; 0: it names none
  std::string reason, message;  // of the pod: Unschedulable, Evicted
  std::vector<ContainerSeen> containers;

  bool operator==(const PodSeen&) const = default;
  // What keeps it from being ready, in few words: "server: CrashLoopBackOff"; empty: nothing is known.
  std::string trouble() const;
};

// kInvalid when it is no Pod.
Result<PodSeen> parse_pod(const std::string& json);

// In the platform's namespace, by their names' order.
Result<std::vector<PodSeen>> list_pods(const Platform& platform, kube::Client& client,
                                       const std::string& selector);

// One that takes requests. kNotFound says what there is instead, and the next step. Pure.
Result<kube::PodPort> choose_gateway(const Platform& platform, const std::vector<PodSeen>& gateways);
// The same, asked of the API.
kube::Reply<kube::PodPort> find_gateway(const Platform& platform);

}  // namespace slipway::cli
