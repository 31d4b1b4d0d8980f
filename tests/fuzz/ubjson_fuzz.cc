// Any bytes: skipped within limits, or refused.
#include <cstdint>
#include <string_view>

#include "adapters/native/ubjson.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  slipway::native::Ubjson in(bytes);
  in.skip();
  (void)in.finish();
  return 0;
}
