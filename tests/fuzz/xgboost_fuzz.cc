// Any bytes as an XGBoost model in both writings: checked and built, or refused.
#include <cstdint>
#include <string_view>

#include "adapters/native/xgboost.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)slipway::native::read_xgboost_json(bytes);
  (void)slipway::native::read_xgboost_ubjson(bytes);
  return 0;
}
