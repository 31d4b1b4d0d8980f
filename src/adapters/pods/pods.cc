#include "adapters/pods/pods.h"

#include "adapters/pods/internal/cache.h"

namespace slipway::pods {
namespace {

class Pods final : public environment::Environment {
 public:
  Pods(Cache& cache, std::string ns) : cache_(cache), ns_(std::move(ns)) {}

  Result<environment::Observation> observe() override { return cache_.observe(ns_); }
  environment::Applied apply(const environment::Action& action) override {
    return std::move(apply_all({&action, 1}).front());
  }
  std::vector<environment::Applied> apply_all(std::span<const environment::Action> actions) override {
    return cache_.apply_all(ns_, actions);
  }
  bool publishes_endpoints() const override { return true; }
  std::string limits_text() const override { return "the cluster's, by each pod's resources"; }

 private:
  Cache& cache_;
  const std::string ns_;
};

}  // namespace

Cluster::Cluster(Options options, kube::Access access, const runtime::Clock& clock,
                 telemetry::Registry& metrics, std::function<void()> wake)
    : cache_(std::make_unique<Cache>(std::move(options), access, clock, metrics, std::move(wake))) {}

Cluster::~Cluster() = default;

bool Cluster::synced() const { return cache_->synced(); }

std::unique_ptr<environment::Environment> Cluster::environment(const std::string& ns) {
  return std::make_unique<Pods>(*cache_, ns);
}

}  // namespace slipway::pods
