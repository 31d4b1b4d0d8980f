// What holds of an object now, and why: the conditions in a status. Source: Kubernetes API conventions,
// metav1.Condition.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"
#include "values/base/time.h"
#include "values/json/document.h"

namespace slipway::domain {

enum class ConditionStatus : uint8_t { kTrue, kFalse, kUnknown };
std::string_view name(ConditionStatus status);

// Every reason that a condition or an Event of ours can have: a closed list. docs/reasons/ has a page on
// each, held by a test.
enum class Reason : uint8_t {
  kPushed,                    // Event: a version was pushed
  kVersionNotFound,           // the spec names a version that there is none of
  kSignatureChanged,          // the new version takes or gives other tensors than the one that serves
  kRevisionCreated,           // Event: a change began
  kFetching,                  // files are fetched and held against their digests
  kStarting,                  // replicas load and warm
  kReady,                     // everything is as it is wanted
  kServing,                   // requests are answered
  kShifting,                  // the new revision's weight rises
  kPaused,                    // the spec holds the change where it is
  kWaitingForGateway,         // a gateway has not taken the change in yet
  kGatewayUnreachable,        // a gateway does not answer; the change waits for it
  kRolloutComplete,           // the change has ended well
  kRolledBack,                // the change ended with the old revision
  kSuperseded,                // Event: a newer spec replaced the candidate
  kProgressDeadlineExceeded,  // the change made no progress for rollout.deadline
  kScaledToZero,              // no replica is wanted
  kNoReadyReplica,            // replicas are wanted, and none answers
  kScaled,                    // the number of replicas changes
  kDraining,                  // Event: an old revision is no longer needed
  kRemoved,                   // Event: an old revision has gone
  kDeploymentDeleted,         // the deployment is no longer there
  kFetchFailed,               // a version's files could not be brought here
  kDigestMismatch,            // files are not what their digests say
  kLoadFailed,                // the model cannot be loaded, warmed, or answers other than its signature
  kCrashLoop,                 // replicas end again and again
  kExited,                    // a replica ended by itself
  kKilled,                    // a replica was ended by a signal
  kOutOfMemory,               // a replica wanted more memory than it may have
  kMemoryPressure,            // a replica is near its memory limit and is replaced
  kHanging,                   // a replica runs and does not answer
  kInsufficientMemory,        // the replicas want more memory than there is
  kDiskFull,                  // there is no room, or nothing may be written
  kImagePullFailed,           // a cluster's node cannot bring the server's image
  kUnschedulable,             // no node of the cluster has room for a replica, or may have it
  kQuotaExceeded,             // the namespace may not have so much
  kPodRefused,                // the cluster does not admit the pod
  kNameTaken,                 // an object of that name belongs to somebody else
  kEnvironmentUnavailable,    // what runs could not be seen or told
};
std::string_view name(Reason reason);
std::vector<Reason> all_reasons();
std::optional<Reason> parse_reason(std::string_view name);

struct Condition {
  std::string type;  // "Ready"
  ConditionStatus status = ConditionStatus::kUnknown;
  Reason reason = Reason::kVersionNotFound;
  std::string message;
  int64_t observed_generation = 0;
  std::string since;  // RFC 3339: when status last changed

  bool operator==(const Condition&) const = default;
};

// Replaces or adds the condition of that type; `since` moves to `now` only when its status changes.
void set_condition(std::vector<Condition>& conditions, Condition condition, WallTime now);
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);

json::Document to_document(const std::vector<Condition>& conditions);
Result<std::vector<Condition>> parse_conditions(const json::Document& array);

}  // namespace slipway::domain
