// The commands that read: get, describe, events, kubeconfig.
#pragma once

#include "services/cli/command.h"

namespace slipway::cli {

Command get_command();
Command describe_command();
Command events_command();
Command kubeconfig_command();

}  // namespace slipway::cli
