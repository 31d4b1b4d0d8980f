// What stands in an XGBoost file, before anything of it is believed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "values/base/result.h"

namespace slipway::native::internal {

struct XgboostTree {
  std::vector<int64_t> left, right, feature, default_left, split_type;
  std::vector<float> condition;
  std::string num_nodes, size_leaf_vector;
  bool has_categories = false;
};

struct XgboostDocument {
  std::string booster, objective;
  std::string base_score, num_class, num_feature, num_target;
  std::string num_trees;
  std::vector<std::string> feature_names;
  std::vector<int64_t> tree_group;
  std::vector<int64_t> version;
  std::vector<XgboostTree> trees;
  bool has_learner = false, has_weight_drop = false, has_linear_weights = false;
};

// In: json::Scanner or Ubjson. Unknown keys are skipped, a known key that comes twice in its object is a
// fault.
template <class In>
Status read_document(In& in, XgboostDocument& out);

}  // namespace slipway::native::internal
