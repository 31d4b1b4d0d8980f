#include "values/tensor/tensor.h"

#include <algorithm>
#include <bit>

#include "values/base/bug.h"
#include "values/base/checked.h"

namespace slipway::tensor {
namespace {

constexpr std::array<std::string_view, kDataTypes> kNames = {"BOOL", "UINT8", "UINT16", "UINT32", "UINT64",
                                                             "INT8", "INT16", "INT32",  "INT64",  "FP16",
                                                             "FP32", "FP64",  "BYTES"};

}  // namespace

std::string_view name(DataType type) { return kNames[static_cast<size_t>(type)]; }

std::optional<DataType> parse_data_type(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<DataType>(at - kNames.begin());
}

bool is_floating(DataType type) {
  return type == DataType::kFp16 || type == DataType::kFp32 || type == DataType::kFp64;
}

bool is_integer(DataType type) { return type >= DataType::kUint8 && type <= DataType::kInt64; }

float widen(Half half) {
  const uint32_t sign = static_cast<uint32_t>(half.bits >> 15) << 31;
  const uint32_t exponent = half.bits >> 10 & 31, fraction = half.bits & 1023;
  if (exponent == 0) {
    const float small = static_cast<float>(fraction) * 0x1p-24F;
    return sign ? -small : small;
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

size_t element_size(DataType type) {
  return with_type(type, []<class T>() { return sizeof(T); });
}

Shape::Shape(std::initializer_list<int64_t> dims) {
  for (int64_t dim : dims)
    if (!push_back(dim)) BUG("a shape of {} dimensions", dims.size());
}

Result<Shape> Shape::from(std::span<const int64_t> dims) {
  Shape shape;
  for (int64_t dim : dims)
    if (!shape.push_back(dim))
      return fail(Code::kInvalid, "a shape of {} dimensions; at most {} are served", dims.size(), kMaxRank);
  return shape;
}

bool Shape::push_back(int64_t dim) {
  if (rank_ == kMaxRank) return false;
  dims_[rank_++] = dim;
  return true;
}

std::optional<size_t> Shape::elements() const {
  size_t product = 1;
  for (int64_t dim : dims()) {
    if (dim < 0) return std::nullopt;
    const auto next = base::checked_mul(product, static_cast<size_t>(dim));
    if (!next) return std::nullopt;
    product = *next;
  }
  return product;
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(dims(), ",")); }

bool Shape::operator==(const Shape& other) const { return std::ranges::equal(dims(), other.dims()); }

void Tensor::report_wrong_type(DataType wanted) const {
  BUG("a {} tensor was read as {}", name(type), name(wanted));
}

Result<Tensor> make_tensor(DataType type, const Shape& shape, base::Arena& arena) {
  const auto count = shape.elements();
  if (!count) return fail(Code::kInvalid, "shape {} is not the shape of a tensor", shape.str());
  Tensor tensor{.type = type, .shape = shape, .count = *count};
  const bool room = with_type(type, [&]<class T>() {
    const auto elements = arena.make<T>(*count);
    tensor.data = elements.data();
    return elements.data() != nullptr;
  });
  if (!room)
    return fail(Code::kExhausted, "no memory left for a tensor of {} elements; try again later", *count);
  return tensor;
}

}  // namespace slipway::tensor
