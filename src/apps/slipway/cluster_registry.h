// Control's own registry on a cluster: the store of a folder (a volume), served over TLS by an authority of
// its own, opened by a token. Who may use it reads the Secret `slipway-registry`, which this keeps: `ca.crt`,
// `token` and `.dockerconfigjson`, as pods mount it.
//
// Threads: start(), step() and stop() from one at a time. step() does not wait: what takes time runs on
// threads of its own.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "apps/slipway/data_folder.h"
#include "ports/store/store.h"
#include "services/registry/garbage.h"
#include "services/registry/registry.h"
#include "system/http/server.h"
#include "system/kube/client.h"
#include "system/runtime/executor.h"

namespace slipway::app {

struct ClusterRegistryOptions {
  std::string folder;    // --registry DIR
  http::Address listen;  // --registry-listen ADDR
  std::string ns;        // control's own: the Secret's, and the Service's
  std::string service = "slipway-registry";
  int service_port = 5000;
  Duration look_every = std::chrono::seconds(30);  // at the Secret
};

// What the Secret holds, and the object as it is applied. Pure.
struct RegistrySecret {
  std::string ca_pem, token;
  std::string host;  // slipway-registry.<ns>.svc:5000

  std::string to_json(const std::string& ns) const;
  // Whether the object on the API server says all of it.
  bool is_in(std::string_view secret_json) const;
};

class ClusterRegistry {
 public:
  // All must outlive it. `store`: whose versions and deployments keep their files.
  ClusterRegistry(ClusterRegistryOptions options, const kube::Access& access, const store::Store& store,
                  const runtime::Clock& clock);
  ~ClusterRegistry() { stop(); }
  ClusterRegistry(const ClusterRegistry&) = delete;
  ClusterRegistry& operator=(const ClusterRegistry&) = delete;

  // Serves when it returns. kConflict: another control has the folder; try again when that one has ended.
  Status start();
  // About once a second: collects what nobody needs, looks after the Secret.
  void step(TimePoint now);
  void stop();

  std::string address() const { return server_->address().str(); }
  // How pods reach it: what artifacts without a registry mean (fetch --registry).
  std::string host() const {
    return fmt::format("{}.{}.svc:{}", options_.service, options_.ns, options_.service_port);
  }
  // Whether the Secret has said so since the start: before, pods cannot pull.
  bool is_known() const { return known_; }

 private:
  void handle(http::Exchange& exchange) const;
  void in_background(std::atomic<bool>& busy, std::function<Status()> work, std::string_view failed);
  Status keep_secret();

  const ClusterRegistryOptions options_;
  const store::Store& store_;
  const runtime::Clock& clock_;
  kube::Client client_;  // of whoever holds keeping_
  RegistrySecret secret_;
  std::optional<DataFolder> folder_;
  std::optional<api::Tokens> tokens_;
  runtime::Executor executor_{{.name = "registry", .threads = 4, .queue = 256}};
  std::unique_ptr<oci::Layout> models_;
  std::unique_ptr<registry::Garbage> garbage_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<http::Server> server_;
  std::atomic<bool> collecting_{false}, keeping_{false}, known_{false};
  TimePoint next_look_ = TimePoint::min();
  std::string last_fault_;  // of the Secret; the log says it once. Of whoever holds keeping_
  bool stopped_ = false;
};

}  // namespace slipway::app
