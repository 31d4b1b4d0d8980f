// autoscaling/v1 Scale: the replicas of a deployment, as HPA and kubectl scale see them. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "services/api/internal/status.h"
#include "values/domain/object.h"

namespace slipway::api {

json::Document to_scale(const domain::Object& object);
// The object's document with the replicas of the Scale.
tl::expected<json::Document, Failure> with_scale(const domain::Object& object, const json::Document& scale);

}  // namespace slipway::api
