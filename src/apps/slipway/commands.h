// Commands that need adapters, for the table in main.
#pragma once

#include "services/cli/command.h"
#include "services/server/loader.h"

namespace slipway::app {

cli::Command serve_command();
cli::Command control_command();
cli::Command gateway_command();
cli::Command up_command();
cli::Command down_command();
cli::Command fetch_command();
cli::Command verify_command();
cli::Command inspect_command();

// Every backend that this build has.
server::Backends all_backends();

}  // namespace slipway::app
