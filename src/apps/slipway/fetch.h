// The half of `slipway fetch` that needs no store of our own.
#pragma once

#include "services/cli/models.h"

namespace slipway::app {

// [REGISTRY/]REPOSITORY@sha256:… into the folder that --into names. Ends with cli::kOtherContent when what
// came is not what the digest says, with cli::kFailed when it could not be brought.
int fetch_artifact(const cli::Arguments& arguments);

// A version whose files lie elsewhere than in this machine's store, into <data>/models/files, or where --into
// says.
int fetch_version(const cli::Arguments& arguments, const cli::Platform& platform, cli::Artifact artifact);

}  // namespace slipway::app
