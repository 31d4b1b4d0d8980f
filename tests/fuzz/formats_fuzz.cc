// Recognising a file: any bytes get a verdict that says something.
#include <cstddef>
#include <cstdint>

#include "services/server/internal/verdict.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto verdict = slipway::server::judge({reinterpret_cast<const char*>(data), size});
  const bool served = verdict.finding == slipway::server::Finding::kServed;
  if (verdict.what.empty() || served == verdict.backend.empty()) __builtin_trap();
  return 0;
}
