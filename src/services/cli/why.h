// `slipway why`: the ranked causes of how a deployment is, asked for over the API and printed.
#pragma once

#include <string>

#include "decide/why/why.h"
#include "services/cli/command.h"

namespace slipway::cli {

Command why_command();

// The answer for people: the verdict, each cause with its evidence and the next step. Pure.
std::string why_text(const why::Answer& answer, WallTime now);

}  // namespace slipway::cli
