// A child process, run to its end: what it printed and how it ended. Waited for by pidfd, never by a pid that
// may have been reused. Call from a process without other threads of its own, or accept that only
// async-signal-safe things happen in between (posix_spawn does).
#pragma once

#include <string>
#include <vector>

#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::os {

struct ChildOptions {
  std::vector<std::string> argv;  // argv[0] is the program's path
  Duration timeout = std::chrono::seconds(60);
  size_t output_limit = 16 << 20;  // of standard output and of standard error; more ends the child
};

struct ChildEnd {
  int exit_code = 0;                                // when signal is 0
  int signal = 0;                                   // that ended it
  bool timed_out = false, too_much_output = false;  // and was killed for it
  std::string out, err;
};

Result<ChildEnd> run_child(const ChildOptions& options);

}  // namespace slipway::os
