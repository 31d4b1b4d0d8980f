// Any bytes as a LightGBM model: checked and built, or refused.
#include <cstdint>
#include <string_view>

#include "adapters/native/lightgbm.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)slipway::native::read_lightgbm(bytes);
  return 0;
}
