// The walk over an ONNX file: any bytes give facts or an error.
#include <cstddef>
#include <cstdint>

#include "adapters/onnx/model_proto.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto facts = slipway::onnx::read_model_proto({reinterpret_cast<const char*>(data), size});
  if (!facts && facts.error().message.empty()) __builtin_trap();
  return 0;
}
