// `slipway deploy`: makes a ModelDeployment or changes one, and shows what becomes of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "services/cli/command.h"
#include "values/domain/model_deployment.h"

namespace slipway::cli {

Command deploy_command();

// What the command line asks for; what it does not name stays as it is.
struct Wish {
  std::string name, model;  // model empty: the deployment's own, or its name
  std::optional<int64_t> version, replicas;
  std::optional<domain::Strategy> strategy;
  std::vector<domain::RolloutStep> steps;
  std::optional<Duration> keep;

  bool operator==(const Wish&) const = default;
};
// kInvalid names the option.
Result<Wish> parse_wish(const Arguments& arguments);
// "1:2m,10:5m": percent and how long it is held, rising.
Result<std::vector<domain::RolloutStep>> parse_steps(const std::string& text);

// The spec's members that the wish names, as a merge patch; `before`: what is there, or null. Model and
// version are the resolved ones. Pure.
json::Document spec_patch(const Wish& wish, const domain::ModelDeployment* before);

}  // namespace slipway::cli
