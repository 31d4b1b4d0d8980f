#include "values/domain/observation.h"

namespace slipway::domain {

std::string_view name(ReplicaState state) {
  switch (state) {
    case ReplicaState::kPreparing:
      return "Preparing";
    case ReplicaState::kStarting:
      return "Starting";
    case ReplicaState::kReady:
      return "Ready";
    case ReplicaState::kDraining:
      return "Draining";
    case ReplicaState::kBackingOff:
      return "BackingOff";
    case ReplicaState::kHanging:
      return "Hanging";
  }
  return "Starting";
}

}  // namespace slipway::domain
