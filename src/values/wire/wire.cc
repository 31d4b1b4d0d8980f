#include "values/wire/wire.h"

#include <cstring>

namespace slipway::wire {
namespace {

constexpr size_t kMaxVarint = 10;

}  // namespace

bool Reader::take_varint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < bytes.size() && i < kMaxVarint; ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    value |= uint64_t{byte & 0x7FU} << (7 * i);
    if ((byte & 0x80U) != 0) continue;
    bytes.remove_prefix(i + 1);
    return true;
  }
  return false;
}

bool Reader::fault(std::string_view what) {
  if (good()) error_.message = fmt::format("at byte {}: {}", base_ + at_, what);
  return false;
}

bool Reader::next() {
  if (!good() || at_ == bytes_.size()) return false;
  std::string_view rest = bytes_.substr(at_);
  uint64_t tag = 0;
  if (!take_varint(rest, tag) || tag > UINT32_MAX) return fault("a field's tag is broken");
  field_ = static_cast<uint32_t>(tag >> 3);
  if (field_ == 0) return fault("field number 0");
  type_ = static_cast<Type>(tag & 7);
  at_ = bytes_.size() - rest.size();
  number_ = 0;
  value_ = {};
  return read_value();
}

bool Reader::read_value() {
  value_at_ = base_ + at_;
  if (type_ == Type::kFixed32) return read_fixed(4);
  if (type_ == Type::kFixed64) return read_fixed(8);
  if (type_ != Type::kVarint && type_ != Type::kBytes) return fault("an unknown kind of field");
  std::string_view rest = bytes_.substr(at_);
  if (!take_varint(rest, number_)) return fault("a number is cut off");
  at_ = bytes_.size() - rest.size();
  if (type_ == Type::kVarint) return true;
  value_at_ = base_ + at_;
  const uint64_t length = number_;
  number_ = 0;
  if (length > rest.size()) {
    return fault(fmt::format("field {} claims {} bytes, {} are left", field_, length, rest.size()));
  }
  value_ = rest.substr(0, static_cast<size_t>(length));
  at_ += value_.size();
  return true;
}

bool Reader::read_fixed(size_t width) {
  if (bytes_.size() - at_ < width) return fault("a number is cut off");
  std::memcpy(&number_, bytes_.data() + at_, width);  // little-endian, as every machine of ours
  at_ += width;
  return true;
}

}  // namespace slipway::wire
