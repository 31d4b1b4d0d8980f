// What an API server has of ours, as structs: only what is decided by. Pure.
#pragma once

#include <optional>
#include <string>

#include "adapters/pods/internal/manifests.h"
#include "values/domain/observation.h"

namespace slipway::pods {

// Who an object is, for the preconditions of the next write.
struct Identity {
  std::string uid, version;

  bool operator==(const Identity&) const = default;
};

struct SeenDeployment {
  Identity identity;
  std::optional<Wanted> told;          // nothing: its annotations do not say it, it is not ours
  bool as_told = false;                // all fields of ours are as they were applied
  bool ends = false;                   // it is being deleted
  std::optional<domain::Fault> fault;  // why it has fewer pods than it wants

  bool operator==(const SeenDeployment&) const = default;
};

// A Service or a PodDisruptionBudget.
struct SeenChild {
  Identity identity;
  bool as_told = false;

  bool operator==(const SeenChild&) const = default;
};

struct SeenPod {
  std::string name, component, revision, deployment, address;  // address: its IP; empty: none yet
  bool ready = false, ends = false, over = false;              // over: it has ended and stays ended
  domain::ReplicaState state = domain::ReplicaState::kPreparing;
  int failures = 0;
  std::optional<domain::Fault> fault;

  bool operator==(const SeenPod&) const = default;
};

SeenDeployment see_deployment(const json::Document& live, const Options& options);
SeenChild see_service(const json::Document& live);
SeenChild see_budget(const json::Document& live);
SeenPod see_pod(const json::Document& live);

// Why the cluster did not make a pod, from what it says: quota, Pod Security, a policy. Pure.
domain::Fault refusal_of(const std::string& message);

}  // namespace slipway::pods
