// Which contexts kubeconfig files have, without following them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "values/base/result.h"

namespace slipway::kube {

struct ContextSeen {
  std::string name, cluster, user, ns;  // ns empty: "default"
  std::string server;                   // empty: there is no such cluster
  bool current = false;                 // kubectl's, without --context

  bool operator==(const ContextSeen&) const = default;
};

// In the files' order; the first that has a name wins. Files that are not there are passed over: none at all
// gives none. kInvalid names the file.
Result<std::vector<ContextSeen>> list_contexts(std::span<const std::string> files);

}  // namespace slipway::kube
