// A JSON value as nodes in one vector: what a writer needs that sorts keys before it writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::kube::internal {

struct TreeNode {
  enum class Kind : uint8_t { kMapping, kList, kText, kLiteral };
  Kind kind = Kind::kLiteral;
  std::string key;   // in the mapping around it
  std::string text;  // of kText, and of kLiteral as it was written
  std::vector<uint32_t> children;
};

// The root is the first node. Mappings' children are in natural_less order of their keys.
Result<std::vector<TreeNode>> read_tree(std::string_view json);

// The order in which kubectl prints keys: numbers in them by their value, letters after everything else.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace slipway::kube::internal
