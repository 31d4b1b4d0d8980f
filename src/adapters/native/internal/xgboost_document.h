// What stands in an XGBoost file: trees that hold together in themselves, the rest before anything of it is
// believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/native/internal/feature_names.h"
#include "adapters/native/internal/xgboost_tree.h"
#include "values/base/result.h"

namespace slipway::native::internal {

struct XgboostDocument {
  std::string booster, objective;
  std::string base_score, num_class, num_feature, num_target;
  std::string num_trees;
  FeatureNames feature_names;
  std::vector<int32_t> tree_group;  // what the file says; the trees' own group is not set yet
  std::vector<int32_t> version;
  std::vector<SourceTree> trees;
  std::optional<Error> refusal;  // of the first tree that is not to be had; reading ended there
  bool has_learner = false, has_weight_drop = false, has_linear_weights = false;
};

// In: json::Scanner or Ubjson. Unknown keys are skipped, a known key that comes twice in its object is a
// fault. Each tree is checked where it ends, so what is kept of a file is in proportion to what it says.
template <class In>
Status read_document(In& in, XgboostDocument& out);

}  // namespace slipway::native::internal
