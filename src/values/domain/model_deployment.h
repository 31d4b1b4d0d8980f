// ModelDeployment as structs: what people want, and what control has made of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "values/domain/condition.h"
#include "values/domain/object.h"
#include "values/domain/observation.h"
#include "values/domain/revision.h"

namespace slipway::domain {

enum class Strategy : uint8_t { kImmediate, kCanary };
enum class OnFailure : uint8_t { kRollback, kPause };

struct RolloutStep {
  int weight = 0;  // percent
  Duration hold{0};

  bool operator==(const RolloutStep&) const = default;
};

struct RolloutSpec {
  Strategy strategy = Strategy::kImmediate;
  bool paused = false;
  bool allow_signature_change = false;
  Duration keep = std::chrono::minutes(5);
  Duration deadline = std::chrono::minutes(10);
  std::vector<RolloutStep> steps;  // of kCanary; rising
  OnFailure on_failure = OnFailure::kRollback;

  bool operator==(const RolloutSpec&) const = default;
};

struct ModelDeploymentSpec {
  std::string model;
  int64_t version = 1;
  int replicas = 1;
  ServingSettings settings;
  RolloutSpec rollout;

  bool operator==(const ModelDeploymentSpec&) const = default;
};

// Where a revision stands in its life. Loading and Shifting are the candidate's, Serving the stable one's; a
// deployment has at most one of each side. Kept: without traffic, warm for an instant way back. Failed: not
// tried again before spec changes.
enum class Phase : uint8_t { kLoading, kShifting, kServing, kKept, kDraining, kFailed };
std::string_view name(Phase phase);

struct RevisionStatus {
  RevisionSpec revision;
  int weight = 0;  // percent; all of a deployment sum to 100, or to 0 before the first serves
  int ready = 0, desired = 0;
  Phase phase = Phase::kLoading;
  WallTime since;              // when it came into this phase
  std::optional<Fault> fault;  // of kFailed

  bool operator==(const RevisionStatus&) const = default;
};

// Where a change of version stands; all of it can be lost, then the change starts over at its first step.
struct RolloutStatus {
  int step = -1;          // which of the steps is held; -1: none yet
  WallTime step_since;    // when its weight was reached
  WallTime progress;      // when something last went forward
  int64_t failed_in = 0;  // the generation in which the candidate failed; 0: it did not
  std::string held_by;    // a Reason's name while the change waits for something; for people

  bool operator==(const RolloutStatus&) const = default;
};

struct ModelDeploymentStatus {
  int64_t observed_generation = 0;
  int desired_replicas = 0;
  int replicas = 0;
  std::string selector;
  std::vector<Condition> conditions;
  std::vector<RevisionStatus> revisions;
  RolloutStatus rollout;
  std::string url;

  bool operator==(const ModelDeploymentStatus&) const = default;

  const RevisionStatus* find(std::string_view revision) const;
  const RevisionStatus* in_phase(Phase phase) const;
  const RevisionStatus* stable() const { return in_phase(Phase::kServing); }
  const RevisionStatus* candidate() const;  // Loading or Shifting
};

struct ModelDeployment {
  std::string space, name, uid;
  uint64_t resource_version = 0;
  int64_t generation = 0;
  ModelDeploymentSpec spec;
  ModelDeploymentStatus status;

  bool operator==(const ModelDeployment&) const = default;
};

// kInvalid names the member: what the API admits always parses. A status that does not parse counts as lost.
Result<ModelDeployment> parse_model_deployment(const Object& object);
// An Object's content: {"spec":{…}}, with every default written out.
json::Document to_content(const ModelDeploymentSpec& spec);
// An Object's status, as canonical JSON.
std::string to_status(const ModelDeploymentStatus& status);

}  // namespace slipway::domain
