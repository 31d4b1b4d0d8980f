// A session's inputs and outputs as a Signature.
#pragma once

#include <onnxruntime_c_api.h>

#include <optional>
#include <string>
#include <vector>

#include "adapters/onnx/ort_library.h"
#include "values/tensor/signature.h"

namespace slipway::onnx {

std::optional<tensor::DataType> data_type_of(ONNXTensorElementDataType type);
ONNXTensorElementDataType element_type_of(tensor::DataType type);

struct SessionSignature {
  tensor::Signature signature;
  bool one_row_axis = false;  // every tensor's first dimension is free, and no two are named differently
};

Result<SessionSignature> read_signature(const OrtLibrary& library, const OrtSession* session);

}  // namespace slipway::onnx
