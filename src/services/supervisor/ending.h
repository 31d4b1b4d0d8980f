// What runs in a data folder, known by the locks that it holds, and its end: exactly that, and nothing else.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "system/os/process.h"

namespace slipway::supervisor {

struct Running {
  std::string name;  // "gateway", "control", or a replica's
  os::Process process;
};

// In the order in which they end: the gateway, control, replicas. Without the supervisor.
std::vector<Running> running_in(const std::string& data);

// Hears what has ended.
using Say = std::function<void(const std::string& what)>;
std::string text_of(const Running& running);

// Ends all of it, whoever started it, and removes what it left in run/. The gateway first: it answers what
// it has; control next, so that it starts no replica again. Blocks; who does not end in time is killed.
void end_all(const std::string& data, const Say& say);

}  // namespace slipway::supervisor
