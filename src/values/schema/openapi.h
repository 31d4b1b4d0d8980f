// The OpenAPI v3 document of the kinds in one group and version, as kubectl reads it: schemas to explain, and
// paths whose operations say that fields are checked on the server.
#pragma once

#include <span>

#include "values/schema/definition.h"

namespace slipway::schema {

json::Document openapi(std::span<const Definition* const> definitions);

}  // namespace slipway::schema
