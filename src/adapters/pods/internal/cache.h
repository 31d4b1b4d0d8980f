// What the cluster has, and how it is changed: shared by the environments of all namespaces.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/pods/internal/shelf.h"
#include "adapters/pods/internal/writer.h"
#include "system/http/address.h"
#include "system/http/prober.h"
#include "system/runtime/executor.h"

namespace slipway::pods {

class Cache {  // observe() and apply_all(): one thread at a time
 public:
  Cache(Options options, const kube::Access& access, const runtime::Clock& clock,
        telemetry::Registry& metrics, std::function<void()> wake);

  bool synced() const;
  Result<domain::Observation> observe(const std::string& ns);
  std::vector<environment::Applied> apply_all(const std::string& ns, std::span<const domain::Action> actions);

 private:
  Status check_seen() const;
  // What is not as it was told any more is made so again, each at most as often as its failures allow.
  void mend(const std::string& ns);
  bool is_whole(const std::string& name, const SeenDeployment& seen) const;
  environment::Applied ensure(Writer& writer, const Wanted& wanted);
  environment::Applied remove(Writer& writer, const std::string& ns, const std::string& revision);
  environment::Applied put_child(Writer& writer, Shelf<SeenChild>& shelf, const kube::Resource& resource,
                                 json::Document intent);
  environment::Applied apply(Writer& writer, const std::string& ns, const domain::Action& action);
  // Runs `work` for every index below `count`, some at once, each with a writer of its own.
  void for_all(size_t count, const std::function<void(Writer&, size_t)>& work);
  void ask(const std::string& ns, domain::Observation& out);

  const Options options_;
  const runtime::Clock& clock_;
  kube::ApiMetrics api_metrics_;
  Shelf<SeenDeployment> deployments_;
  Shelf<SeenChild> services_, budgets_;
  Shelf<SeenPod> pods_;
  http::Prober prober_{http::Prober::by_address()};
  std::vector<std::unique_ptr<Writer>> writers_;
  runtime::Executor executor_;
  struct Mending {
    TimePoint again;
    int times = 0;
  };
  std::map<std::pair<std::string, std::string>, Mending> mending_;  // by namespace and revision
  telemetry::Counter &writes_, &mended_, &refused_;
};

}  // namespace slipway::pods
