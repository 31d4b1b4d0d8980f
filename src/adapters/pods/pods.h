// The environment of a Kubernetes cluster: a revision is a Deployment with a Service, and a replica is a pod.
//
// What was told stands in the Deployment itself (two annotations), so another control finds it. Children are
// written by server-side apply: our own fields are taken back from whoever changes them, all others stay. The
// ModelDeployment owns them, so the cluster removes them with it.
//
// Source of the objects' form: Kubernetes 1.37; Pod Security Standards, profile "restricted".
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/environment/environment.h"
#include "system/kube/kubeconfig.h"
#include "system/runtime/clock.h"
#include "system/telemetry/metrics.h"

namespace slipway::pods {

struct Options {
  std::string ns;               // the namespace that is watched; empty: all
  std::string image;            // of the pods: NAME@sha256:… or NAME:TAG
  std::string registry;         // HOST:PORT of versions that name none; empty: they cannot be served
  std::string registry_secret;  // with its credentials and its CA (`ca.crt`); empty: none are needed
  std::vector<std::string> pull_secrets;  // of images and of models, by name
  std::string cache_claim;                // the PersistentVolumeClaim that fetched files are shared by
  std::string service_account = "slipway-model";
  // Asked before each write: whether we still may. Nothing is written when not.
  std::function<bool()> may_write;
  Duration patience = std::chrono::milliseconds(500);  // for gateways and replicas to say how they are
  int writers = 4;                                     // writes that are on their way at once
};

class Cache;

// What all namespaces share: one list and one watch a kind.
class Cluster {
 public:
  // `wake`: something changed; from any thread. Begins to watch at once.
  Cluster(Options options, kube::Access access, const runtime::Clock& clock, telemetry::Registry& metrics,
          std::function<void()> wake);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Whether everything has been listed once. Any thread.
  bool synced() const;
  // The environment of one namespace. The cluster must outlive it.
  std::unique_ptr<environment::Environment> environment(const std::string& ns);

 private:
  std::unique_ptr<Cache> cache_;
};

}  // namespace slipway::pods
