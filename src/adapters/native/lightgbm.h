// Reads LightGBM models in their text form (version v3 and v4).
//
// Served: numeric splits with every missing type, the usual objectives, multiclass, random forests
// (average_output). Refused with kUnsupported: categorical splits, linear trees, objectives that we do not
// know. Source of the layout: LightGBM's own files, and Tree::ToString / GBDT::SaveModelToString of its
// sources.
#pragma once

#include <string_view>

#include "adapters/native/tree_model.h"

namespace slipway::native {

Result<TreeFile<double>> read_lightgbm(std::string_view text);

}  // namespace slipway::native
