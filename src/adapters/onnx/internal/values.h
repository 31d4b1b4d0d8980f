// Tensors of ours as values of the runtime, and back.
#pragma once

#include <onnxruntime_c_api.h>

#include "adapters/onnx/ort_library.h"
#include "values/base/arena.h"
#include "values/tensor/tensor.h"

namespace slipway::onnx {

// A value over the tensor's own memory; strings are copied. The caller releases it.
Status make_value(const OrtLibrary& library, const tensor::Tensor& tensor, OrtValue** value);

// A copy in the arena.
Result<tensor::Tensor> read_value(const OrtLibrary& library, OrtValue* value, base::Arena& arena);

}  // namespace slipway::onnx
