// `slipway control --cluster`: the loops of control over a cluster's API, as long as a Lease is held.
#pragma once

#include "services/cli/command.h"

namespace slipway::app {

// What it takes besides control's own options.
std::vector<cli::Option> cluster_control_options();

int run_cluster_control(const cli::Arguments& arguments);

}  // namespace slipway::app
