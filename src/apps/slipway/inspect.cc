#include <cstdio>

#include "apps/slipway/commands.h"

namespace slipway::app {
cli::Command inspect_command() {
  return {.name = "inspect", .summary = "Show what a model file holds", .run = [](const cli::Arguments&) {
            return 1;
          }};
}
}  // namespace slipway::app
