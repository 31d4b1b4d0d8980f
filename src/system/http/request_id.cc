#include "system/http/request_id.h"

#include <algorithm>

namespace slipway::http {
namespace {

char* hex(char* to, uint64_t value, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (int i = digits - 1; i >= 0; --i, value >>= 4) to[i] = kDigits[value & 15];
  return to + digits;
}

bool is_id_char(char c) {
  const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alnum || std::string_view("-_.:/+=@~").find(c) != std::string_view::npos;
}

}  // namespace

void RequestIds::make(WallTime now, Text& out) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
  char* to = hex(out.data(), static_cast<uint64_t>(ms), 12);
  *to++ = '-';
  to = hex(to, origin_, 8);
  *to++ = '-';
  hex(to, counter_++ & 0xFFFFFF, 6);
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, is_id_char);
}

}  // namespace slipway::http
