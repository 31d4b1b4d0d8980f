// One TensorProto: what it claims and what it brings.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "adapters/onnx/model_proto.h"
#include "values/wire/wire.h"

namespace slipway::onnx {

struct TensorClaim {
  std::string_view name;
  int64_t data_type = 0;
  uint64_t elements = 1;
  uint64_t held = 0;     // bytes of the fields that carry values
  uint64_t strings = 0;  // elements of string_data
  bool external = false;
  std::string_view location;
  std::string_view offset;
  std::string_view length;
};

// The claim, or false after a fault of `in`.
bool read_tensor(wire::Reader& in, TensorClaim& claim);

// kInvalid when the tensor claims more than it brings.
Status check_claim(const TensorClaim& claim);

// Bytes of `elements` values as the runtime keeps them; UINT64_MAX on overflow or an unknown type.
uint64_t dense_bytes(int64_t data_type, uint64_t elements);

Result<ExternalData> external_data(const TensorClaim& claim);

}  // namespace slipway::onnx
