// Reads XGBoost models, 1.7 to 3.x, in JSON and UBJSON: two writings of one tree of keys.
//
// Served: booster gbtree with numeric splits; binary, multiclass, regression and ranking objectives; missing
// values; forests. Refused with kUnsupported: gblinear, DART, categorical splits, vector leaves, objectives
// that we do not know. Source of the layout: the XGBoost documentation, "Introduction to Model IO", and files
// that it wrote.
#pragma once

#include <string_view>

#include "adapters/native/tree_model.h"

namespace slipway::native {

Result<TreeFile<float>> read_xgboost_json(std::string_view text);
Result<TreeFile<float>> read_xgboost_ubjson(std::string_view bytes);

}  // namespace slipway::native
