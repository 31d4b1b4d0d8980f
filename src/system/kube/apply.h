// Whether an object is as it was applied: what server-side apply would change nothing of. Pure.
#pragma once

#include "values/json/document.h"

namespace slipway::kube {

// Every member that `intent` names is there in `live`, with the same value. What others added does not
// matter. Items of a list that have a name (or another key of theirs, as Kubernetes merges them: container
// and port names, mount paths, topology keys, uids of owners) are looked for by it; other lists are held
// against each other item by item, and must be as long.
bool covers(const json::Document& live, const json::Document& intent);

}  // namespace slipway::kube
