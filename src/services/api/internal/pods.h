// Replicas as pods, for `kubectl get pods` and `kubectl logs`: read-only, and as little of a pod as those
// need. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "services/api/internal/encode.h"
#include "services/api/internal/query.h"
#include "values/domain/observation.h"

namespace slipway::api {

// How tables and errors call them.
const schema::Definition& pod_definition();

json::Document to_pod(const domain::ReplicaObserved& replica, const std::string& space);

// The pods that the query selects, by name. 400 for a field that cannot be selected by.
tl::expected<std::vector<json::Document>, Failure> select_pods(
    const std::vector<domain::ReplicaObserved>& replicas, const std::string& space, const ListQuery& query);

// As a list or a table; a single one when `pods` holds the one that was asked for by name.
enum class Asked : uint8_t { kOne, kList };
std::string encode_pods(const std::vector<json::Document>& pods, Asked asked, const View& view, WallTime now);

}  // namespace slipway::api
