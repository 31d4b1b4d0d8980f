// Requests without elements. Some of the runtime's kernels end the process on an empty tensor (LSTM does), so
// none is ever given one.
#pragma once

#include <span>

#include "ports/backend/backend.h"

namespace slipway::onnx {

bool any_empty(std::span<const tensor::Tensor> inputs);

// No rows in give no rows out, where every tensor has the row axis and the outputs' other dimensions are
// known. Else kInvalid: such a request cannot be answered.
Status answer_no_rows(const tensor::Signature& signature, std::span<const tensor::Tensor> inputs,
                      std::span<backend::OutputSlot> outputs);

}  // namespace slipway::onnx
