// Any text as Range, Content-Range or a query: a range that is taken lies within the blob, and values hold no
// more bytes than they came from.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "services/registry/internal/answers.h"

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint64_t blob = 0;
  if (size < sizeof blob) return 0;
  std::memcpy(&blob, data, sizeof blob);
  const std::string_view text(reinterpret_cast<const char*>(data) + sizeof blob, size - sizeof blob);
  const auto range = registry::parse_range(text, blob);
  if (range && *range && ((*range)->first > (*range)->last || (*range)->last >= blob)) std::abort();
  const auto piece = registry::parse_content_range(text);
  if (piece && piece->first > piece->last) std::abort();
  if (registry::query_value(text, "digest").size() > text.size()) std::abort();
  return 0;
}
