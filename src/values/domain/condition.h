// What holds of an object now, and why: the conditions in a status. Source: Kubernetes API conventions,
// metav1.Condition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"
#include "values/base/time.h"
#include "values/json/document.h"

namespace slipway::domain {

enum class ConditionStatus : uint8_t { kTrue, kFalse, kUnknown };
std::string_view name(ConditionStatus status);

// Every reason that a condition or an Event of ours can have. docs/api.md has a line on each, held by a test.
enum class Reason : uint8_t {
  kPushed,           // Event: a version was pushed
  kVersionNotFound,  // the spec names a version that there is none of
};
std::string_view name(Reason reason);
std::vector<Reason> all_reasons();

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
