#include "values/schema/table.h"

#include <algorithm>
#include <ctime>

#include <nlohmann/json.hpp>

#include "values/schema/internal/zone.h"

namespace slipway::schema {
namespace {

using json::Document;

// modeldeployment/credit
std::string reference_text(const Document& reference) {
  std::string kind = json::text_of(reference, "kind");
  for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return kind + "/" + json::text_of(reference, "name");
}

Document cell(const Column& column, const Document& object, WallTime now) {
  const Document& value = at_path(object, column.path);
  if (column.type == "string" && value.is_object()) return reference_text(value);
  if (column.type != "date" || !value.is_string()) return value;
  const auto then = parse_rfc3339(value.get<std::string>());
  return then ? human_age(*then, now) : "<invalid>";
}

std::string two(int64_t large, const char* unit, int64_t small, const char* small_unit) {
  return small == 0 ? fmt::format("{}{}", large, unit)
                    : fmt::format("{}{}{}{}", large, unit, small, small_unit);
}

}  // namespace

std::vector<Document> row_cells(const Definition& of, const Document& object, WallTime now) {
  std::vector<Document> out{json::text_of(json::member(object, "metadata"), "name")};
  for (const Column& column : of.columns) out.push_back(cell(column, object, now));
  return out;
}

std::string human_age(WallTime then, WallTime now) {
  const int64_t seconds = std::chrono::floor<std::chrono::seconds>(now - then).count();
  const int64_t minutes = seconds / 60, hours = seconds / 3600, days = hours / 24, years = days / 365;
  if (seconds < -1) return "<invalid>";
  if (seconds < 120) return fmt::format("{}s", std::max<int64_t>(seconds, 0));
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return fmt::format("{}m", minutes);
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return fmt::format("{}h", hours);
  if (days < 8) return two(days, "d", hours % 24, "h");
  if (years < 2) return fmt::format("{}d", days);
  if (years < 8) return two(years, "y", days % 365, "d");
  return fmt::format("{}y", years);
}

// Nanoseconds in 64 bits reach from 1677 to 2262, and differences must fit too.
constexpr int kFirstYear = 1900 - 1900, kLastYear = 2200 - 1900;  // as tm counts them

std::optional<WallTime> parse_rfc3339(const std::string& text) {
  tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || parts.tm_year < kFirstYear || parts.tm_year > kLastYear) return std::nullopt;
  const auto offset = zone_offset(std::string_view(text).substr(static_cast<size_t>(end - text.c_str())));
  if (!offset) return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&parts)) - *offset);
}

}  // namespace slipway::schema
