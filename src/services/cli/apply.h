// The commands that change resources: apply, diff, delete.
#pragma once

#include "services/cli/command.h"
#include "values/json/document.h"

namespace slipway::cli {

Command apply_command();
Command diff_command();
Command delete_command();

// The merge patch that brings `current` to what `wanted` says, without touching what others set: members of
// `applied` (what was wanted last time) that `wanted` no longer has are removed. Pure. As kubectl's
// client-side apply.
json::Document three_way_patch(const json::Document& applied, const json::Document& wanted,
                               const json::Document& current);

}  // namespace slipway::cli
