#include "values/tensor/signature.h"

namespace slipway::tensor {
namespace {

bool type_fits(const TensorSpec& spec, DataType type) {
  if (type == spec.type) return true;
  return spec.accepts == Accepts::kAnyNumber && type != DataType::kBytes;
}

}  // namespace

std::optional<size_t> find_spec(std::span<const TensorSpec> specs, std::string_view name,
                                size_t tensors_given) {
  for (size_t i = 0; i < specs.size(); ++i)
    if (specs[i].name == name) return i;
  if (specs.size() == 1 && tensors_given == 1 && specs[0].naming == Naming::kOurs) return 0;
  return std::nullopt;
}

bool shape_fits(const Shape& spec, const Shape& given) {
  if (spec.rank() != given.rank()) return false;
  for (size_t axis = 0; axis < spec.rank(); ++axis)
    if (spec[axis] >= 0 && spec[axis] != given[axis]) return false;
  return true;
}

Status check(const TensorSpec& spec, DataType type, const Shape& shape) {
  if (!type_fits(spec, type))
    return fail(Code::kInvalid, "input '{}' has datatype {}, the model takes {}", spec.name, name(type),
                name(spec.type));
  if (!shape_fits(spec.shape, shape))
    return fail(Code::kInvalid, "input '{}' has shape {}, the model takes {}", spec.name, shape.str(),
                spec.shape.str());
  return ok();
}

}  // namespace slipway::tensor
