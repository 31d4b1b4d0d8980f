// Objects as rows, by the columns of their definition: what servers and command lines show.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "values/base/time.h"
#include "values/schema/definition.h"

namespace slipway::schema {

// The name, then one cell a column: null where the object has nothing; dates as ages; references as
// kind/name.
std::vector<json::Document> row_cells(const Definition& of, const json::Document& object, WallTime now);

// "3d5h", as kubectl shows ages. Source: k8s.io/apimachinery duration.HumanDuration.
std::string human_age(WallTime then, WallTime now);
// RFC 3339, to the second, in the years from 1900 to 2200.
std::optional<WallTime> parse_rfc3339(const std::string& text);

}  // namespace slipway::schema
