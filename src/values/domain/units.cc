#include "values/domain/units.h"

#include <array>
#include <charconv>
#include <cmath>

#include "values/schema/table.h"

namespace slipway::domain {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  double factor;
};
constexpr std::array<Unit, 4> kTimes{{{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
constexpr std::array<Unit, 9> kSizes{{{"", 1},
                                      {"Ki", 0x1p10},
                                      {"Mi", 0x1p20},
                                      {"Gi", 0x1p30},
                                      {"Ti", 0x1p40},
                                      {"k", 1e3},
                                      {"M", 1e6},
                                      {"G", 1e9},
                                      {"T", 1e12}}};
constexpr double kLongest = 100.0 * 366 * 24 * 3600e9;  // 100 years: fits Duration with room to add

// A number without sign or exponent at the front, and the letters behind it.
struct Part {
  double number = 0;
  std::string_view unit;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Part> take_part(std::string_view& text) {
  Part part;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), part.number, std::chars_format::fixed);
  if (error != std::errc{} || text.empty() || !is_digit(text.front())) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  size_t letters = 0;
  while (letters < text.size() && !is_digit(text[letters])) ++letters;
  part.unit = text.substr(0, letters);
  text.remove_prefix(letters);
  return part;
}

template <size_t N>
std::optional<double> factor(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units)
    if (unit.name == name) return unit.factor;
  return std::nullopt;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  double sum = 0;
  std::string_view rest = text;
  do {
    const auto part = take_part(rest);
    const auto scale = part ? factor(kTimes, part->unit) : std::nullopt;
    if (!scale) return fail(Code::kInvalid, "\"{}\" is no time; write 10s, 1m30s or 500ms", text);
    sum += part->number * *scale;
  } while (!rest.empty());
  if (sum > kLongest) return fail(Code::kInvalid, "{} is longer than 100 years", text);
  return Duration(std::llround(sum));
}

std::string duration_text(Duration duration) {
  int64_t left = std::chrono::duration_cast<milliseconds>(duration).count();
  std::string out;
  const auto put = [&](int64_t size, std::string_view unit) {
    if (left >= size) out += fmt::format("{}{}", left / size, unit);
    left %= size;
  };
  put(3'600'000, "h");
  put(60'000, "m");
  put(1'000, "s");
  put(1, "ms");
  return out.empty() ? "0s" : out;
}

Result<int64_t> parse_cpu(std::string_view text) {
  std::string_view rest = text;
  const auto part = take_part(rest);
  if (!part || !rest.empty() || (!part->unit.empty() && part->unit != "m") || part->number > 1e6)
    return fail(Code::kInvalid, "\"{}\" is no number of processors; write 1, 0.5 or 500m", text);
  return std::llround(part->unit.empty() ? part->number * 1000 : part->number);
}

Result<int64_t> parse_bytes(std::string_view text) {
  std::string_view rest = text;
  const auto part = take_part(rest);
  const auto scale = part && rest.empty() ? factor(kSizes, part->unit) : std::nullopt;
  if (!scale || part->number * *scale > 0x1p60)
    return fail(Code::kInvalid, "\"{}\" is no number of bytes; write 512Mi or 2Gi", text);
  return std::llround(part->number * *scale);
}

std::optional<WallTime> parse_time(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos) return schema::parse_rfc3339(text);
  const auto whole = schema::parse_rfc3339(text.substr(0, dot) + "Z");
  int64_t fraction = 0;
  const auto [end, error] = std::from_chars(text.data() + dot + 1, text.data() + text.size(), fraction);
  if (!whole || error != std::errc{} || end != text.data() + dot + 4) return std::nullopt;
  return *whole + milliseconds(fraction);
}

}  // namespace slipway::domain
