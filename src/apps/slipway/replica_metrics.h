// /metrics?replica=NAME of control: a replica's own metrics, asked for at the socket that only this machine
// reaches.
#pragma once

#include <string>

#include "system/admin/admin.h"
#include "system/runtime/executor.h"

namespace slipway::app {

// The socket's id of a replica: 16 hex digits. Those of an id stay as they are.
std::string replica_id(const std::string& replica);

// `run` is the folder of the sockets. The executor must be stopped before the admin's server.
admin::ReplicaMetrics replica_metrics(std::string run, runtime::Executor& executor);

}  // namespace slipway::app
