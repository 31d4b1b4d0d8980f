#include "adapters/onnx/internal/values.h"

#include <cstring>

#include "adapters/onnx/internal/ort_signature.h"
#include "adapters/onnx/internal/ort_status.h"

namespace slipway::onnx {
namespace {

using tensor::DataType;
using tensor::Shape;
using tensor::Tensor;

tl::unexpected<Error> out_of_memory(const Shape& shape) {
  return fail(Code::kExhausted, "no memory left in the request's budget for an output of shape {}",
              shape.str());
}

Status fill_strings(const OrtApi& ort, const Tensor& tensor, OrtValue* value) {
  const auto texts = tensor.values<std::string_view>();
  for (size_t i = 0; i < texts.size(); ++i) {
    char* room = nullptr;
    auto made = check(ort, ort.GetResizedStringTensorElementBuffer(value, i, texts[i].size(), &room));
    if (!made) return made;
    if (!texts[i].empty()) std::memcpy(room, texts[i].data(), texts[i].size());
  }
  return ok();
}

struct ValueFacts {
  DataType type = DataType::kFp32;
  Shape shape;
  size_t count = 0;
};

Result<ValueFacts> read_facts(const OrtApi& ort, const OrtValue* value) {
  Owned<OrtTensorTypeAndShapeInfo> info(ort.ReleaseTensorTypeAndShapeInfo);
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  size_t rank = 0;
  auto read = check(ort, ort.GetTensorTypeAndShape(value, info.out()));
  if (read) read = check(ort, ort.GetTensorElementType(info.get(), &element));
  if (read) read = check(ort, ort.GetDimensionsCount(info.get(), &rank));
  if (!read) return fail(read.error());
  const auto type = data_type_of(element);
  if (!type || rank > tensor::kMaxRank) {
    return fail(Code::kUnsupported, "an output has ONNX element type {} and rank {}",
                static_cast<int>(element), rank);
  }
  std::array<int64_t, tensor::kMaxRank> dims{};
  read = check(ort, ort.GetDimensions(info.get(), dims.data(), rank));
  if (!read) return fail(read.error());
  auto shape = Shape::from({dims.data(), rank});
  if (!shape) return fail(shape.error());
  const auto count = shape->elements();
  if (!count) return fail(Code::kInvalid, "an output has the impossible shape {}", shape->str());
  return ValueFacts{*type, *shape, *count};
}

Result<Tensor> read_strings(const OrtApi& ort, const OrtValue* value, const ValueFacts& facts,
                            base::Arena& arena) {
  size_t length = 0;
  if (auto read = check(ort, ort.GetStringTensorDataLength(value, &length)); !read) return fail(read.error());
  auto texts = arena.make<std::string_view>(facts.count);
  auto starts = arena.make<size_t>(facts.count);
  auto* bytes = static_cast<char*>(arena.allocate(length + 1, 1));
  if (bytes == nullptr || texts.size() != facts.count || starts.size() != facts.count) {
    return out_of_memory(facts.shape);
  }
  auto read = check(ort, ort.GetStringTensorContent(value, bytes, length, starts.data(), starts.size()));
  if (!read) return fail(read.error());
  for (size_t i = 0; i < texts.size(); ++i) {
    const size_t end = i + 1 < starts.size() ? starts[i + 1] : length;
    texts[i] = {bytes + starts[i], end - starts[i]};
  }
  return Tensor{facts.type, facts.shape, texts.data(), facts.count};
}

}  // namespace

Status make_value(const OrtLibrary& library, const Tensor& tensor, OrtValue** value) {
  const OrtApi& ort = *library.api;
  const auto dims = tensor.shape.dims();
  const auto type = element_type_of(tensor.type);
  if (tensor.type == DataType::kBytes) {
    auto made =
        check(ort, ort.CreateTensorAsOrtValue(library.allocator, dims.data(), dims.size(), type, value));
    return made ? fill_strings(ort, tensor, *value) : made;
  }
  return check(ort, ort.CreateTensorWithDataAsOrtValue(library.cpu_memory, tensor.data, tensor.byte_size(),
                                                       dims.data(), dims.size(), type, value));
}

Result<Tensor> read_value(const OrtLibrary& library, OrtValue* value, base::Arena& arena) {
  const OrtApi& ort = *library.api;
  auto facts = read_facts(ort, value);
  if (!facts) return fail(facts.error());
  if (facts->type == DataType::kBytes) return read_strings(ort, value, *facts, arena);
  void* from = nullptr;
  if (auto read = check(ort, ort.GetTensorMutableData(value, &from)); !read) return fail(read.error());
  Tensor out{facts->type, facts->shape, nullptr, facts->count};
  out.data = arena.allocate(std::max<size_t>(out.byte_size(), 1), 64);
  if (out.data == nullptr) return out_of_memory(out.shape);
  if (out.count > 0) std::memcpy(out.data, from, out.byte_size());
  return out;
}

}  // namespace slipway::onnx
