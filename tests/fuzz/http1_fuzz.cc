// Any bytes as a request: the head ends at the same place however the bytes arrive, and head and chunks are
// read or refused.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "system/http/internal/framing.h"
#include "system/http/internal/parser.h"

using namespace slipway::http::internal;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t step = data[0] % 16 + 1u;
  HeadScanner whole, pieces;
  const bool complete = whole.scan(bytes);
  bool later = false;
  for (size_t end = step; !later && end < bytes.size() + step; end += step)
    later = pieces.scan(std::string_view(bytes).substr(0, end));
  if (complete != later || whole.refusal().status != pieces.refusal().status) std::abort();
  if (!complete || whole.refusal()) return 0;
  if (whole.head_size() != pieces.head_size()) std::abort();

  Parser parser;
  const size_t head = whole.head_size();
  if (parser.parse_head({bytes.data(), head}, {})) return 0;
  const Framing framing = check_framing(parser.headers(), parser.version());
  if (framing.refusal || !framing.chunked || parser.upgrade()) return 0;
  std::string body;
  for (size_t at = head; at < bytes.size();) {
    const auto fed = parser.feed_chunked(std::string_view(bytes).substr(at, step), body);
    if (fed.refusal || fed.done) break;
    at += fed.consumed;
  }
  if (body.size() > bytes.size()) std::abort();
  return 0;
}
