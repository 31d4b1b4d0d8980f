// A tensor: a datatype, a shape, and dense row-major elements in memory that belongs to a request's arena or
// to a caller. Plain values, cheap to copy; a copy shares the elements. No thread rule of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "values/base/arena.h"
#include "values/base/result.h"

namespace slipway::tensor {

// The datatypes of the Open Inference Protocol, by its names.
enum class DataType : uint8_t {
  kBool,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFp16,
  kFp32,
  kFp64,
  kBytes
};

inline constexpr int kDataTypes = 13;

std::string_view name(DataType type);  // "FP32"
std::optional<DataType> parse_data_type(std::string_view name);
bool is_floating(DataType type);
bool is_integer(DataType type);  // signed or unsigned; BOOL is not

// Bytes of one element in memory. BYTES elements are std::string_views: 16.
size_t element_size(DataType type);

inline constexpr size_t kMaxRank = 8;

// Dimensions, outermost first. In a signature -1 means "any"; in a tensor every dimension is ≥ 0.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims);  // at most kMaxRank; more is a BUG
  static Result<Shape> from(std::span<const int64_t> dims);

  size_t rank() const { return rank_; }
  std::span<const int64_t> dims() const { return {dims_.data(), rank_}; }
  int64_t operator[](size_t axis) const { return dims_[axis]; }
  void set(size_t axis, int64_t dim) { dims_[axis] = dim; }
  bool push_back(int64_t dim);  // false: kMaxRank dimensions already

  // The product of the dimensions; 1 for rank 0. Nothing when a dimension is negative or the product
  // overflows.
  std::optional<size_t> elements() const;
  std::string str() const;  // [-1,30]

  bool operator==(const Shape& other) const;

 private:
  std::array<int64_t, kMaxRank> dims_{};
  uint8_t rank_ = 0;
};

// The element type in memory for a C++ type: float ↔ FP32 and so on. FP16 is held as its 16 bits in `Half`.
struct Half {
  uint16_t bits;
};
float widen(Half half);  // exact

template <class T>
constexpr DataType data_type_of();
template <>
constexpr DataType data_type_of<bool>() {
  return DataType::kBool;
}
template <>
constexpr DataType data_type_of<uint8_t>() {
  return DataType::kUint8;
}
template <>
constexpr DataType data_type_of<uint16_t>() {
  return DataType::kUint16;
}
template <>
constexpr DataType data_type_of<uint32_t>() {
  return DataType::kUint32;
}
template <>
constexpr DataType data_type_of<uint64_t>() {
  return DataType::kUint64;
}
template <>
constexpr DataType data_type_of<int8_t>() {
  return DataType::kInt8;
}
template <>
constexpr DataType data_type_of<int16_t>() {
  return DataType::kInt16;
}
template <>
constexpr DataType data_type_of<int32_t>() {
  return DataType::kInt32;
}
template <>
constexpr DataType data_type_of<int64_t>() {
  return DataType::kInt64;
}
template <>
constexpr DataType data_type_of<Half>() {
  return DataType::kFp16;
}
template <>
constexpr DataType data_type_of<float>() {
  return DataType::kFp32;
}
template <>
constexpr DataType data_type_of<double>() {
  return DataType::kFp64;
}
template <>
constexpr DataType data_type_of<std::string_view>() {
  return DataType::kBytes;
}

// Calls f.template operator()<T>() with the element type of `type`.
template <class F>
decltype(auto) with_type(DataType type, F&& f) {
  switch (type) {
    case DataType::kBool:
      return f.template operator()<bool>();
    case DataType::kUint8:
      return f.template operator()<uint8_t>();
    case DataType::kUint16:
      return f.template operator()<uint16_t>();
    case DataType::kUint32:
      return f.template operator()<uint32_t>();
    case DataType::kUint64:
      return f.template operator()<uint64_t>();
    case DataType::kInt8:
      return f.template operator()<int8_t>();
    case DataType::kInt16:
      return f.template operator()<int16_t>();
    case DataType::kInt32:
      return f.template operator()<int32_t>();
    case DataType::kInt64:
      return f.template operator()<int64_t>();
    case DataType::kFp16:
      return f.template operator()<Half>();
    case DataType::kFp32:
      return f.template operator()<float>();
    case DataType::kFp64:
      return f.template operator()<double>();
    case DataType::kBytes:
      break;
  }
  return f.template operator()<std::string_view>();
}

struct Tensor {
  DataType type = DataType::kFp32;
  Shape shape;
  void* data = nullptr;  // `count` elements of `type`
  size_t count = 0;

  // The elements. Asking for another type than the tensor's is a BUG and gives an empty span.
  template <class T>
  std::span<T> values() const {
    return data_type_of<T>() == type ? std::span<T>(static_cast<T*>(data), count) : wrong_type<T>();
  }
  size_t byte_size() const { return count * element_size(type); }

 private:
  template <class T>
  std::span<T> wrong_type() const {
    report_wrong_type(data_type_of<T>());
    return {};
  }
  void report_wrong_type(DataType wanted) const;
};

// Zeroed room for a tensor in the arena. Fails with kInvalid when the shape is no tensor's, kExhausted when
// the budget is spent.
Result<Tensor> make_tensor(DataType type, const Shape& shape, base::Arena& arena);

struct NamedTensor {
  std::string_view name;
  Tensor tensor;
};

}  // namespace slipway::tensor
