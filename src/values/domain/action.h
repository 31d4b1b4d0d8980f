// What control tells an environment to do. Saying it again changes nothing.
#pragma once

#include <string>

#include "values/domain/condition.h"
#include "values/domain/revision.h"

namespace slipway::domain {

// Ensure: so many replicas of the revision run from now on, whatever ends. Remove: none do, each after it has
// answered what it had; then the environment forgets the revision.
enum class ActionKind : uint8_t { kEnsure, kRemove };

struct Action {
  ActionKind kind = ActionKind::kEnsure;
  RevisionSpec revision;  // of kRemove, the name is enough
  int replicas = 0;       // of kEnsure; 0: none for now
  Reason why = Reason::kScaled;
  std::string message;  // why, for people
  std::string owner;    // the uid of the deployment that the revision is of; empty: it has gone

  bool operator==(const Action&) const = default;
};

}  // namespace slipway::domain
