// The files that a model's weights lie in, beside it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "adapters/onnx/model_proto.h"

namespace slipway::onnx {

struct ExternalFiles {
  std::vector<std::string> locations;  // relative to the model's folder, sorted, each once
  uint64_t bytes = 0;                  // of all of them
};

// Each must be a regular file strictly below `folder`, reached without symbolic links, and hold what is
// wanted of it. Errors name the tensor.
Result<ExternalFiles> check_external(const std::string& folder, std::span<const ExternalData> wanted);

}  // namespace slipway::onnx
