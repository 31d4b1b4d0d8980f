#include "adapters/onnx/internal/no_rows.h"

#include <algorithm>

namespace slipway::onnx {
namespace {

// Whether all but the first dimension are at least `least`, and the first is what `first` says.
bool has_rows_axis(const tensor::Shape& shape, int64_t first, int64_t least) {
  if (shape.rank() == 0 || shape[0] != first) return false;
  return std::ranges::all_of(shape.dims().subspan(1), [least](int64_t dim) { return dim >= least; });
}

}  // namespace

bool any_empty(std::span<const tensor::Tensor> inputs) {
  return std::ranges::any_of(inputs, [](const auto& input) { return input.count == 0; });
}

Status answer_no_rows(const tensor::Signature& signature, std::span<const tensor::Tensor> inputs,
                      std::span<backend::OutputSlot> outputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (has_rows_axis(inputs[i].shape, 0, 1)) continue;
    return fail(Code::kInvalid,
                "input '{}' has shape {}: an ONNX model needs at least one element in every input",
                signature.inputs[i].name, inputs[i].shape.str());
  }
  for (auto& slot : outputs) {
    const auto& spec = signature.outputs[slot.index];
    if (!has_rows_axis(spec.shape, -1, 0)) {
      return fail(Code::kInvalid,
                  "output '{}' has shape {}, which is not known without rows; send at least one", spec.name,
                  spec.shape.str());
    }
    slot.tensor = {.type = spec.type, .shape = spec.shape};
    slot.tensor.shape.set(0, 0);
  }
  return ok();
}

}  // namespace slipway::onnx
