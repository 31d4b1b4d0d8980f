// What an observation says of one revision.
#pragma once

#include <optional>
#include <string_view>

#include "values/domain/observation.h"

namespace slipway::rollout {

struct Facts {
  int running = 0;                     // replicas, in whatever state
  int ready = 0;                       // that answer
  int preparing = 0;                   // that wait for files
  int failures = 0;                    // the most that one replica has
  std::optional<domain::Fault> fault;  // of the replica with most failures, or of the revision
  bool routed = false;                 // every gateway shows it with a connected endpoint
  bool removed = false;  // no gateway shows weight or a request for it, and its replicas are quiet
};

Facts facts_of(std::string_view revision, const domain::Observation& observation, Duration quiet);

// The first gateway that does not answer; null when all do.
const domain::GatewaySeen* unreachable(const domain::Observation& observation);

}  // namespace slipway::rollout
