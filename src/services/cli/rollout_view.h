// A deployment's change of version as people see it. Pure.
#pragma once

#include <optional>
#include <string>

#include "services/cli/table.h"
#include "values/domain/model_deployment.h"

namespace slipway::cli {

// Where the change that the spec asks for stands. Waiting: control has not taken the spec in yet.
enum class Standing : uint8_t { kWaiting, kUnderWay, kPaused, kComplete, kFailed };
Standing standing(const domain::ModelDeployment& deployment);
std::string_view name(Standing standing);

// The cause in a line: "LoadFailed: credit-3-…: no such tree; credit-2-… serves on".
std::string cause_text(const domain::ModelDeployment& deployment);

// Revisions with phase, weight and replicas: one line each.
Table revisions_table(const domain::ModelDeployment& deployment, WallTime now);

// What is so now in one line, the same while nothing changes: "credit-3-… Shifting 10 % 2/2, credit-2-…".
std::string progress_line(const domain::ModelDeployment& deployment);

// The whole of `rollout status`.
std::string rollout_text(const domain::ModelDeployment& deployment, WallTime now);
json::Document rollout_document(const domain::ModelDeployment& deployment);

// How long a change may take at most by its own spec: all its holds, and the deadline for the rest.
Duration longest_change(const domain::RolloutSpec& rollout);

// What a way back writes, and how it goes.
struct WayBack {
  int64_t version = 0;
  std::string text;  // for people: which version, and whether at once
};
// `to`: the version that is asked for; else the stable one while a change is under way or has failed, or the
// newest that is kept warm. kInvalid says why there is none, and what to do.
Result<WayBack> plan_way_back(const domain::ModelDeployment& deployment, std::optional<int64_t> to);

}  // namespace slipway::cli
