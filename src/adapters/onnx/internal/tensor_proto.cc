#include "adapters/onnx/internal/tensor_proto.h"

#include <array>
#include <charconv>

#include "values/base/checked.h"

namespace slipway::onnx {
namespace {

using wire::Reader;
using wire::Type;

constexpr uint64_t kTooMany = UINT64_MAX;
constexpr int64_t kString = 8;

// Bits of one element by TensorProto.DataType; 0: no such type. A string counts as the runtime's own string
// object.
constexpr std::array<uint8_t, 27> kBits = {0,  32,  8,  8, 16, 16, 32, 64, 255, 8, 16, 64, 32, 64,
                                           64, 128, 16, 8, 8,  8,  8,  4,  4,   4, 8,  2,  2};

void take_dim(TensorClaim& claim, uint64_t dim) {
  const auto product = base::checked_mul(claim.elements, dim);
  claim.elements = product && dim <= uint64_t{INT64_MAX} ? *product : kTooMany;
}

bool take_dims(Reader& in, TensorClaim& claim) {
  if (in.type() == Type::kVarint) {
    take_dim(claim, in.number());
    return true;
  }
  std::string_view packed = in.bytes();
  for (uint64_t dim = 0; !packed.empty();) {
    if (!Reader::take_varint(packed, dim)) return in.fault("a tensor's dimensions are cut off");
    take_dim(claim, dim);
  }
  return true;
}

void take_external(Reader entry, TensorClaim& claim) {
  std::string_view key;
  std::string_view value;
  while (entry.next()) {
    if (entry.is(1, Type::kBytes)) key = entry.bytes();
    if (entry.is(2, Type::kBytes)) value = entry.bytes();
  }
  if (key == "location") claim.location = value;
  if (key == "offset") claim.offset = value;
  if (key == "length") claim.length = value;
}

bool carries_values(uint32_t field) {
  return field == 4 || field == 5 || field == 7 || field == 9 || field == 10 || field == 11;
}

void take_values(const Reader& in, TensorClaim& claim) {
  constexpr uint64_t kOneUnpacked = 1;
  if (in.field() == 6) ++claim.strings;
  if (carries_values(in.field())) claim.held += in.type() == Type::kBytes ? in.bytes().size() : kOneUnpacked;
}

bool read_number(std::string_view text, uint64_t& value) {
  if (text.empty()) return true;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool read_tensor(Reader& in, TensorClaim& claim) {
  while (in.next()) {
    if (in.field() == 1 && !take_dims(in, claim)) return false;
    if (in.is(2, Type::kVarint)) claim.data_type = static_cast<int64_t>(in.number());
    if (in.is(8, Type::kBytes)) claim.name = in.bytes();
    if (in.is(13, Type::kBytes)) take_external(in.nested(), claim);
    if (in.is(14, Type::kVarint)) claim.external = in.number() == 1;
    take_values(in, claim);
  }
  return in.good();
}

uint64_t dense_bytes(int64_t data_type, uint64_t elements) {
  if (data_type < 1 || data_type >= static_cast<int64_t>(kBits.size())) return kTooMany;
  const auto bits = base::checked_mul(elements, uint64_t{kBits[static_cast<size_t>(data_type)]});
  return bits ? *bits / 8 + (*bits % 8 != 0 ? 1 : 0) : kTooMany;
}

Status check_claim(const TensorClaim& claim) {
  if (claim.data_type == 0 && claim.elements == 1 && claim.held == 0) return ok();  // an unset tensor
  if (dense_bytes(claim.data_type, claim.elements) == kTooMany) {
    return fail(Code::kInvalid, "tensor '{}' has an unknown type ({}) or impossible dimensions", claim.name,
                claim.data_type);
  }
  if (claim.external) return ok();
  // A packed number takes at least one byte for what is eight in memory.
  const uint64_t could_hold = claim.data_type == kString ? claim.strings : claim.held * 8;
  const uint64_t claimed =
      claim.data_type == kString ? claim.elements : dense_bytes(claim.data_type, claim.elements);
  if (claimed <= could_hold) return ok();
  return fail(Code::kInvalid, "tensor '{}' claims {} elements but brings {} bytes of values", claim.name,
              claim.elements, claim.data_type == kString ? claim.strings : claim.held);
}

Result<ExternalData> external_data(const TensorClaim& claim) {
  ExternalData out{.tensor = std::string(claim.name), .location = std::string(claim.location)};
  if (!read_number(claim.offset, out.offset) || !read_number(claim.length, out.length)) {
    return fail(Code::kInvalid, "tensor '{}': offset or length of its external data is no number",
                claim.name);
  }
  const uint64_t needed = dense_bytes(claim.data_type, claim.elements);
  if (out.length != 0 && out.length != needed) {
    return fail(Code::kInvalid, "tensor '{}' needs {} bytes, its external data has length {}", claim.name,
                needed, out.length);
  }
  out.length = needed;
  return out;
}

}  // namespace slipway::onnx
