// Any text as CSV: rows of one width, or refused.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/cli/csv.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto rows = slipway::cli::parse_csv({reinterpret_cast<const char*>(data), size});
  if (!rows) return 0;
  for (const auto& row : *rows)
    if (row.size() != rows->front().size()) std::abort();
  return 0;
}
