// JSON text through the same limits and rules as YAML.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "system/kube/yaml.h"

namespace slipway::kube::internal {

// One mapping or list, rewritten without white space. Nothing when it is not JSON, or breaks a rule or a
// limit.
std::optional<std::string> read_json(std::string_view text, const YamlLimits& limits);

}  // namespace slipway::kube::internal
