// The definitions in api/, built into the program: the one source of what resources look like.
#pragma once

#include <string_view>
#include <vector>

#include "values/domain/object.h"
#include "values/schema/definition.h"

namespace slipway::domain {

// Parsed at the first call; thread-safe. A definition that does not parse is a BUG.
const schema::Definition& definition(Kind kind);

// The CustomResourceDefinitions of our own group, as JSON: what an API server is given so that it knows our
// kinds.
std::vector<std::string_view> custom_resource_definitions();

// The C++ twins of the rules that the definitions hold as CEL.
const schema::RuleBook& rules();

}  // namespace slipway::domain
