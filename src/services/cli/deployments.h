// Deployments as the commands about them need them: found by name, changed, watched.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "services/cli/platform.h"
#include "system/kube/watch.h"
#include "values/domain/model_deployment.h"
#include "values/domain/model_version.h"

namespace slipway::cli {

// kInvalid when it is no ModelDeployment.
Result<domain::ModelDeployment> parse_deployment(const std::string& json);

// kNotFound names what was probably meant, or what there is.
Result<domain::ModelDeployment> find_deployment(const Platform& platform, kube::Client& client,
                                                const std::string& name);
Result<std::vector<domain::ModelDeployment>> list_deployments(const Platform& platform, kube::Client& client);
Result<std::vector<domain::ModelVersion>> list_versions(const Platform& platform, kube::Client& client);

// Merges the patch into it; everything that the patch does not name stays.
Result<domain::ModelDeployment> patch_deployment(const Platform& platform, kube::Client& client,
                                                 const std::string& name, const json::Document& patch);

// "; did you mean 'credit'?", or what there is. Pure.
std::string meant_or_known(const std::string& name, const std::vector<std::string>& known);

// One deployment as it changes, over connections that come and go.
class DeploymentWatch {
 public:
  DeploymentWatch(const Platform& platform, std::string name);
  ~DeploymentWatch();
  DeploymentWatch(const DeploymentWatch&) = delete;
  DeploymentWatch& operator=(const DeploymentWatch&) = delete;

  // The next state, waited for at most that long; nothing: it stayed as it was. kNotFound: it was deleted.
  Result<std::optional<domain::ModelDeployment>> next(Duration wait);

 private:
  void read();
  void put(Result<domain::ModelDeployment> state) SLIPWAY_EXCLUDES(mutex_);

  const Platform platform_;
  const std::string name_;
  const runtime::RealClock clock_;
  kube::Watch watch_;
  runtime::Mutex mutex_;
  runtime::CondVar changed_;
  std::deque<Result<domain::ModelDeployment>> states_ SLIPWAY_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace slipway::cli
