#include "values/schema/internal/zone.h"

#include <algorithm>

namespace slipway::schema {

std::optional<std::chrono::minutes> zone_offset(std::string_view rest) {
  constexpr std::string_view kDigits = "0123456789";
  if (rest.starts_with('.')) {
    const size_t end = std::min(rest.find_first_not_of(kDigits, 1), rest.size());
    if (end == 1) return std::nullopt;
    rest.remove_prefix(end);
  }
  if (rest == "Z") return std::chrono::minutes(0);
  if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return std::nullopt;
  for (const size_t at : {1u, 2u, 4u, 5u})
    if (kDigits.find(rest[at]) == std::string_view::npos) return std::nullopt;
  const int minutes = ((rest[1] - '0') * 10 + (rest[2] - '0')) * 60 + (rest[4] - '0') * 10 + (rest[5] - '0');
  return std::chrono::minutes(rest[0] == '-' ? -minutes : minutes);
}

}  // namespace slipway::schema
