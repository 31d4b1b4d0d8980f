// One installation on a cluster, from its first object to the last pod that is ready.
#pragma once

#include "services/cli/install_objects.h"
#include "services/cli/internal/install_command.h"

namespace slipway::cli::internal {

struct InstallRun {
  InstallOptions options;
  ApplyOptions apply;
  enum class Wait : uint8_t { kNo, kReady } wait = Wait::kNo;
  Duration patience;  // with Wait::kReady
};

// Says what becomes of each object; goes on after one that is refused. An exit code.
int run_install(kube::Client& client, const InstallRun& run, Report& report);

}  // namespace slipway::cli::internal
