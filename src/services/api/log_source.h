// Where the API learns of replicas and finds their logs. One machine has no pods: kubectl's `get pods` and
// `logs` are answered from this.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "values/domain/observation.h"

namespace slipway::api {

struct LogSource {
  // The replicas that there are now; called from any thread. Null: none.
  std::function<std::vector<domain::ReplicaObserved>()> replicas;
  // The folder of <replica>.log, and of <replica>.log.1, its older part. A log outlives its replica.
  std::string folder;
};

}  // namespace slipway::api
