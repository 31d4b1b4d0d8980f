#include "values/domain/condition.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace slipway::domain {
namespace {

constexpr std::array<std::pair<Reason, std::string_view>, 39> kReasons{
    {{Reason::kPushed, "Pushed"},
     {Reason::kVersionNotFound, "VersionNotFound"},
     {Reason::kSignatureChanged, "SignatureChanged"},
     {Reason::kRevisionCreated, "RevisionCreated"},
     {Reason::kFetching, "Fetching"},
     {Reason::kStarting, "Starting"},
     {Reason::kReady, "Ready"},
     {Reason::kServing, "Serving"},
     {Reason::kShifting, "Shifting"},
     {Reason::kPaused, "Paused"},
     {Reason::kWaitingForGateway, "WaitingForGateway"},
     {Reason::kGatewayUnreachable, "GatewayUnreachable"},
     {Reason::kRolloutComplete, "RolloutComplete"},
     {Reason::kRolledBack, "RolledBack"},
     {Reason::kSuperseded, "Superseded"},
     {Reason::kProgressDeadlineExceeded, "ProgressDeadlineExceeded"},
     {Reason::kScaledToZero, "ScaledToZero"},
     {Reason::kNoReadyReplica, "NoReadyReplica"},
     {Reason::kScaled, "Scaled"},
     {Reason::kDraining, "Draining"},
     {Reason::kRemoved, "Removed"},
     {Reason::kDeploymentDeleted, "DeploymentDeleted"},
     {Reason::kFetchFailed, "FetchFailed"},
     {Reason::kDigestMismatch, "DigestMismatch"},
     {Reason::kLoadFailed, "LoadFailed"},
     {Reason::kCrashLoop, "CrashLoop"},
     {Reason::kExited, "Exited"},
     {Reason::kKilled, "Killed"},
     {Reason::kOutOfMemory, "OutOfMemory"},
     {Reason::kMemoryPressure, "MemoryPressure"},
     {Reason::kHanging, "Hanging"},
     {Reason::kInsufficientMemory, "InsufficientMemory"},
     {Reason::kDiskFull, "DiskFull"},
     {Reason::kImagePullFailed, "ImagePullFailed"},
     {Reason::kUnschedulable, "Unschedulable"},
     {Reason::kQuotaExceeded, "QuotaExceeded"},
     {Reason::kPodRefused, "PodRefused"},
     {Reason::kNameTaken, "NameTaken"},
     {Reason::kEnvironmentUnavailable, "EnvironmentUnavailable"}}};

constexpr std::array<std::pair<ConditionStatus, std::string_view>, 3> kStatuses{
    {{ConditionStatus::kTrue, "True"},
     {ConditionStatus::kFalse, "False"},
     {ConditionStatus::kUnknown, "Unknown"}}};

template <class T, size_t N>
std::string_view text(const std::array<std::pair<T, std::string_view>, N>& table, T value) {
  for (const auto& [each, name] : table)
    if (each == value) return name;
  return "Unknown";
}

template <class T, size_t N>
bool read(const std::array<std::pair<T, std::string_view>, N>& table, std::string_view name, T& out) {
  for (const auto& [each, text] : table)
    if (text == name) {
      out = each;
      return true;
    }
  return false;
}

}  // namespace

std::string_view name(ConditionStatus status) { return text(kStatuses, status); }
std::string_view name(Reason reason) { return text(kReasons, reason); }

std::vector<Reason> all_reasons() {
  std::vector<Reason> out;
  for (const auto& [reason, name] : kReasons) out.push_back(reason);
  return out;
}

std::optional<Reason> parse_reason(std::string_view name) {
  Reason out{};
  return read(kReasons, name, out) ? std::optional(out) : std::nullopt;
}

void set_condition(std::vector<Condition>& conditions, Condition condition, WallTime now) {
  const auto at = std::find_if(conditions.begin(), conditions.end(),
                               [&](const Condition& each) { return each.type == condition.type; });
  const bool same = at != conditions.end() && at->status == condition.status;
  condition.since = same ? at->since : base::rfc3339(now).substr(0, 19) + "Z";
  if (at == conditions.end())
    conditions.push_back(std::move(condition));
  else
    *at = std::move(condition);
}

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto at = std::find_if(conditions.begin(), conditions.end(),
                               [&](const Condition& each) { return each.type == type; });
  return at == conditions.end() ? nullptr : &*at;
}

json::Document to_document(const std::vector<Condition>& conditions) {
  json::Document out = json::Document::array();
  for (const Condition& condition : conditions) {
    json::Document& item = out.emplace_back(json::Document{{"type", condition.type},
                                                           {"status", std::string(name(condition.status))},
                                                           {"reason", std::string(name(condition.reason))},
                                                           {"message", condition.message},
                                                           {"lastTransitionTime", condition.since}});
    if (condition.observed_generation != 0) item["observedGeneration"] = condition.observed_generation;
  }
  return out;
}

Result<std::vector<Condition>> parse_conditions(const json::Document& array) {
  std::vector<Condition> out;
  for (const json::Document& item : array) {
    Condition condition{.type = json::text_of(item, "type"),
                        .message = json::text_of(item, "message"),
                        .since = json::text_of(item, "lastTransitionTime")};
    if (!read(kStatuses, json::text_of(item, "status"), condition.status) ||
        !read(kReasons, json::text_of(item, "reason"), condition.reason))
      return fail(Code::kInvalid, "condition {}: status or reason is not one of ours", condition.type);
    if (const json::Document& generation = json::member(item, "observedGeneration");
        generation.is_number_integer())
      condition.observed_generation = generation.get<int64_t>();
    out.push_back(std::move(condition));
  }
  return out;
}

}  // namespace slipway::domain
