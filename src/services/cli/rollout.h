// Changes of version, seen and steered: rollout status, pause, resume, rollback; and scale.
#pragma once

#include <optional>
#include <string>

#include "services/cli/command.h"
#include "services/cli/platform.h"
#include "services/cli/resources.h"
#include "values/base/time.h"

namespace slipway::cli {

Command rollout_command();
Command scale_command();

// --wait, --no-wait, --timeout.
std::vector<Option> wait_options();

struct Waiting {
  bool wanted = false;              // --wait, or a person looks on
  bool as_json = false;             // -o json: one document a line for each change
  std::optional<Duration> timeout;  // nothing: as long as the change may take by its spec
};
Result<Waiting> parse_waiting(const Arguments& arguments);

// Shows the change until it has ended. The exit code: kFailed, with the cause, when it did not end well.
int follow_rollout(const Platform& platform, const std::string& name, const Waiting& waiting);

// A positional that is completed with the names of deployments.
Positional deployment_name();

// A whole number of the option, within bounds; nothing when it is not said.
struct Bounds {
  int64_t least = 0, most = 0;
};
Result<std::optional<int64_t>> parse_number(const Arguments& arguments, const char* option, Bounds bounds);

}  // namespace slipway::cli
