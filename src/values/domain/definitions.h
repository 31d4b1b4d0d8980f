// The definitions in api/, built into the program: the one source of what resources look like.
#pragma once

#include "values/domain/object.h"
#include "values/schema/definition.h"

namespace slipway::domain {

// Parsed at the first call; thread-safe. A definition that does not parse is a BUG.
const schema::Definition& definition(Kind kind);

// The C++ twins of the rules that the definitions hold as CEL.
const schema::RuleBook& rules();

}  // namespace slipway::domain
