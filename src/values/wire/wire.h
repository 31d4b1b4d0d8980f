// Protobuf's wire format, one field after the other.
//
//   Reader in(bytes);
//   while (in.next()) {
//     if (in.is(1, Type::kVarint)) version = in.number();
//     else if (in.is(7, Type::kBytes)) read_graph(in.nested());
//   }
//   if (!in.good()) return fail(in.error());
//
// Never reads outside `bytes`, allocates nothing but the error's text, does not recurse. Groups, which proto3
// does not have, are a fault. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "values/base/result.h"

namespace slipway::wire {

enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class Reader {
 public:
  // `offset`: where `bytes` lie in the whole file; only for messages.
  explicit Reader(std::string_view bytes, size_t offset = 0) : bytes_(bytes), base_(offset) {}

  bool next();  // false: at the end, or at the first fault
  uint32_t field() const { return field_; }
  Type type() const { return type_; }
  bool is(uint32_t field, Type type) const { return field_ == field && type_ == type; }

  uint64_t number() const { return number_; }        // of a varint or fixed field; else 0
  std::string_view bytes() const { return value_; }  // of a kBytes field; else empty
  Reader nested() const { return Reader(value_, value_at_); }
  size_t offset() const { return value_at_; }

  bool good() const { return error_.message.empty(); }
  const Error& error() const { return error_; }
  bool fault(std::string_view what);  // sets the first error; returns false

  // One varint from the front of `bytes`, for packed fields. False: there is no whole one.
  static bool take_varint(std::string_view& bytes, uint64_t& value);

 private:
  bool read_value();
  bool read_fixed(size_t width);

  std::string_view bytes_;
  size_t base_;
  size_t at_ = 0;
  uint32_t field_ = 0;
  Type type_ = Type::kVarint;
  uint64_t number_ = 0;
  std::string_view value_;
  size_t value_at_ = 0;
  Error error_{Code::kInvalid, ""};
};

}  // namespace slipway::wire
