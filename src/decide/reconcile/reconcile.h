// From the status of a deployment to what its environment has to be told.
#pragma once

#include <string_view>
#include <vector>

#include "values/domain/action.h"
#include "values/domain/model_deployment.h"
#include "values/domain/observation.h"

namespace slipway::reconcile {

// `status` null: there is no such deployment any more. Actions in the order in which they are to be done:
// what is to come before what is to go. Empty: all has been told.
std::vector<domain::Action> plan(std::string_view deployment, const domain::ModelDeploymentStatus* status,
                                 const domain::Observation& observation);

// The part of an observation that is about one deployment; gateways stay whole.
domain::Observation part_of(const domain::Observation& observation, std::string_view deployment);

}  // namespace slipway::reconcile
