// `slipway context`: what there is to talk to. `slipway port-forward`: a gateway of a cluster on this
// machine.
#pragma once

#include "services/cli/command.h"
#include "services/cli/platform.h"
#include "services/cli/table.h"
#include "system/kube/contexts.h"

namespace slipway::cli {

Command context_command();
Command port_forward_command();

// The contexts as people see them; `own` is the data folder's platform, which a command without --context
// talks to. Pure.
Table contexts_table(const Platform& own, const std::vector<kube::ContextSeen>& contexts);

// "8080:80", "8080" or ":80": the port on this machine (0: the system picks) and the pod's (0: the gateway's
// own). kInvalid says what is wanted. Pure.
struct Ports {
  uint16_t local = 0, remote = 0;

  bool operator==(const Ports&) const = default;
};
Result<Ports> parse_ports(std::string_view text);

}  // namespace slipway::cli
