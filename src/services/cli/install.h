// `slipway install` and `slipway uninstall`: Slipway's own objects on a cluster, printed, written to files,
// or applied and taken away.
#pragma once

#include <string>

#include "services/cli/command.h"

namespace slipway::cli {

// `version` is the program's: the image of that version is installed where none is named.
Command install_command(const std::string& version);
Command uninstall_command();

}  // namespace slipway::cli
