// One tree as an XGBoost file writes it, a list for each thing that a node has, and the check that the lists
// make a tree.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/native/ensemble.h"
#include "values/base/result.h"

namespace slipway::native::internal {

struct XgboostTree {
  std::vector<int32_t> left, right, feature;
  std::vector<float> condition;
  std::vector<uint8_t> default_left;
  std::string num_nodes, size_leaf_vector;
  bool has_categories = false;

  void clear();  // keeps the lists' memory for the next tree
};

// kInvalid: no nodes, lists of different lengths, half a leaf. kUnsupported: categorical splits, vector
// leaves. Where children lie and what features there are is check_tree's to say.
Result<SourceTree> to_source(const XgboostTree& from);

// A number that the file writes as a text.
Result<int64_t> whole_number(const std::string& field, const std::string& text);

}  // namespace slipway::native::internal
