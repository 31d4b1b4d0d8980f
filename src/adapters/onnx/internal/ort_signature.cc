#include "adapters/onnx/internal/ort_signature.h"

#include <array>
#include <utility>

#include "adapters/onnx/internal/ort_status.h"

namespace slipway::onnx {
namespace {

using tensor::DataType;
using tensor::TensorSpec;

constexpr std::array<std::pair<ONNXTensorElementDataType, DataType>, tensor::kDataTypes> kTypes = {{
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, DataType::kBool},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, DataType::kUint8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, DataType::kUint16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, DataType::kUint32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, DataType::kUint64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, DataType::kInt8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, DataType::kInt16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, DataType::kInt32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, DataType::kInt64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, DataType::kFp16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, DataType::kFp32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, DataType::kFp64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, DataType::kBytes},
}};

enum class Side : uint8_t { kInput, kOutput };

std::string_view word(Side side) { return side == Side::kInput ? "input" : "output"; }

Status refuse_kind(ONNXType kind, Side side, const std::string& name) {
  if (kind == ONNX_TYPE_SEQUENCE || kind == ONNX_TYPE_MAP) {
    return fail(
        Code::kUnsupported,
        "{} '{}' is a {}, which the protocol cannot carry; if it comes from scikit-learn's ZipMap, export "
        "again with options={{id(model): {{'zipmap': False}}}}",
        word(side), name, kind == ONNX_TYPE_MAP ? "map" : "sequence");
  }
  return fail(Code::kUnsupported, "{} '{}' is {}; only tensors can be served", word(side), name,
              kind == ONNX_TYPE_OPTIONAL ? "optional" : "no dense tensor");
}

// Reads one side of a session, tensor by tensor.
class SideReader {
 public:
  SideReader(const OrtLibrary& library, const OrtSession* session, Side side)
      : ort_(*library.api), library_(library), session_(session), side_(side) {}

  Result<std::vector<TensorSpec>> read() {
    size_t count = 0;
    const bool input = side_ == Side::kInput;
    auto counted = check(ort_, input ? ort_.SessionGetInputCount(session_, &count)
                                     : ort_.SessionGetOutputCount(session_, &count));
    if (!counted) return fail(counted.error());
    std::vector<TensorSpec> specs;
    for (size_t i = 0; i < count; ++i) {
      auto spec = read_spec(i);
      if (!spec) return fail(spec.error());
      specs.push_back(std::move(*spec));
    }
    return specs;
  }

  // The first dimension's name where it is free; nothing where it is fixed or absent.
  const std::vector<std::optional<std::string>>& row_axes() const { return row_axes_; }

 private:
  Result<std::string> read_name(size_t index) {
    char* name = nullptr;
    auto named = check(ort_, side_ == Side::kInput
                                 ? ort_.SessionGetInputName(session_, index, library_.allocator, &name)
                                 : ort_.SessionGetOutputName(session_, index, library_.allocator, &name));
    if (!named) return fail(named.error());
    std::string out = name;
    auto freed = check(ort_, ort_.AllocatorFree(library_.allocator, name));
    if (!freed) return fail(freed.error());
    if (readable(out) == out) return out;
    return fail(Code::kInvalid, "the name of {} {}, '{}', is not readable text", word(side_), index,
                readable(out));
  }

  Result<TensorSpec> read_spec(size_t index) {
    auto name = read_name(index);
    if (!name) return fail(name.error());
    Owned<OrtTypeInfo> info(ort_.ReleaseTypeInfo);
    auto typed =
        check(ort_, side_ == Side::kInput ? ort_.SessionGetInputTypeInfo(session_, index, info.out())
                                          : ort_.SessionGetOutputTypeInfo(session_, index, info.out()));
    if (!typed) return fail(typed.error());
    ONNXType kind = ONNX_TYPE_UNKNOWN;
    if (auto known = check(ort_, ort_.GetOnnxTypeFromTypeInfo(info.get(), &kind)); !known) {
      return fail(known.error());
    }
    if (kind != ONNX_TYPE_TENSOR) return fail(refuse_kind(kind, side_, *name).error());
    return read_tensor(info.get(), std::move(*name));
  }

  Result<TensorSpec> read_tensor(const OrtTypeInfo* info, std::string name) {
    const OrtTensorTypeAndShapeInfo* facts = nullptr;
    ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    auto read = check(ort_, ort_.CastTypeInfoToTensorInfo(info, &facts));
    if (read) read = check(ort_, ort_.GetTensorElementType(facts, &element));
    if (!read) return fail(read.error());
    const auto type = data_type_of(element);
    if (!type) {
      return fail(Code::kUnsupported, "{} '{}' has ONNX element type {}, which the protocol cannot carry",
                  word(side_), name, static_cast<int>(element));
    }
    auto shape = read_shape(facts, name);
    if (!shape) return fail(shape.error());
    return TensorSpec{.name = std::move(name), .type = *type, .shape = *shape};
  }

  Result<tensor::Shape> read_shape(const OrtTensorTypeAndShapeInfo* facts, const std::string& name) {
    size_t rank = 0;
    auto read = check(ort_, ort_.GetDimensionsCount(facts, &rank));
    if (!read) return fail(read.error());
    std::vector<int64_t> dims(rank);
    std::vector<const char*> names(rank);
    read = check(ort_, ort_.GetDimensions(facts, dims.data(), rank));
    if (read) read = check(ort_, ort_.GetSymbolicDimensions(facts, names.data(), rank));
    if (!read) return fail(read.error());
    for (int64_t& dim : dims) dim = dim < 0 ? -1 : dim;
    row_axes_.push_back(rank > 0 && dims[0] == -1 ? std::optional<std::string>(names[0]) : std::nullopt);
    auto shape = tensor::Shape::from(dims);
    if (!shape) {
      return fail(Code::kUnsupported, "{} '{}': {}", word(side_), name, shape.error().message);
    }
    return *shape;
  }

  const OrtApi& ort_;
  const OrtLibrary& library_;
  const OrtSession* session_;
  const Side side_;
  std::vector<std::optional<std::string>> row_axes_;
};

bool share_one_axis(const SideReader& inputs, const SideReader& outputs) {
  std::string name;
  for (const auto* side : {&inputs, &outputs}) {
    for (const auto& axis : side->row_axes()) {
      if (!axis || (!axis->empty() && !name.empty() && *axis != name)) return false;
      if (!axis->empty()) name = *axis;
    }
  }
  return true;
}

}  // namespace

std::optional<DataType> data_type_of(ONNXTensorElementDataType type) {
  for (const auto& [onnx, ours] : kTypes) {
    if (onnx == type) return ours;
  }
  return std::nullopt;
}

ONNXTensorElementDataType element_type_of(DataType type) {
  for (const auto& [onnx, ours] : kTypes) {
    if (ours == type) return onnx;
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

Result<SessionSignature> read_signature(const OrtLibrary& library, const OrtSession* session) {
  SideReader inputs(library, session, Side::kInput);
  SideReader outputs(library, session, Side::kOutput);
  auto in = inputs.read();
  if (!in) return fail(in.error());
  auto out = outputs.read();
  if (!out) return fail(out.error());
  return SessionSignature{{std::move(*in), std::move(*out)}, share_one_axis(inputs, outputs)};
}

}  // namespace slipway::onnx
