// What an environment sees: what it was told to run, what runs, and what each replica and gateway says of
// itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "values/domain/condition.h"
#include "values/domain/observed.h"
#include "values/domain/revision.h"

namespace slipway::domain {

// Preparing: its files are fetched. Starting: it loads and warms. Draining: it answers and will end.
// BackingOff: it ended, and is started again later. Hanging: it runs and says nothing.
enum class ReplicaState : uint8_t { kPreparing, kStarting, kReady, kDraining, kBackingOff, kHanging };
std::string_view name(ReplicaState state);

// Why something is not as it should be: a reason of the closed list, and what was seen.
struct Fault {
  Reason reason = Reason::kExited;
  std::string message;

  bool operator==(const Fault&) const = default;
};

struct ReplicaObserved {
  std::string name;     // <revision>-<ordinal>
  std::string address;  // what a gateway resolves: "<id>.sock" on one machine
  std::string revision, deployment;
  ReplicaState state = ReplicaState::kStarting;
  int failures = 0;            // how often it ended by itself since it was last ready for a while
  std::optional<Fault> fault;  // of its last end, or of what holds it up now
  Observed load;               // what it said; zeros when it says nothing

  bool operator==(const ReplicaObserved&) const = default;
};

// What the environment was told: so many replicas of that. 0: it is going away.
struct RevisionTold {
  RevisionSpec revision;
  int replicas = 0;
  std::optional<Fault> fault;  // why it has fewer: no room, no files
  // The uid of the deployment that it belongs to; empty: of none. Nothing where nobody owns anything.
  std::optional<std::string> owner = {};

  bool operator==(const RevisionTold&) const = default;
};

struct GatewaySeen {
  std::string name;
  bool answers = false;
  GatewayObserved said;  // empty when it does not answer

  bool operator==(const GatewaySeen&) const = default;
};

struct Observation {
  std::vector<RevisionTold> revisions;
  std::vector<ReplicaObserved> replicas;
  std::vector<GatewaySeen> gateways;

  bool operator==(const Observation&) const = default;
};

}  // namespace slipway::domain
