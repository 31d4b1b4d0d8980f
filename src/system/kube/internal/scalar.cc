#include "system/kube/internal/scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "values/json/writer.h"

namespace slipway::kube::internal {
namespace {

struct Word {
  std::string_view lower;
  ScalarKind kind;
  std::string_view json;
};
// Each as it stands, with a capital first letter, or in capitals.
constexpr std::array kWords = {
    Word{"true", ScalarKind::kBool, "true"}, Word{"false", ScalarKind::kBool, "false"},
    Word{"yes", ScalarKind::kBool, "true"},  Word{"no", ScalarKind::kBool, "false"},
    Word{"on", ScalarKind::kBool, "true"},   Word{"off", ScalarKind::kBool, "false"},
    Word{"y", ScalarKind::kBool, "true"},    Word{"n", ScalarKind::kBool, "false"},
    Word{"null", ScalarKind::kNull, "null"}, Word{"~", ScalarKind::kNull, "null"},
    Word{"", ScalarKind::kNull, "null"},
};
constexpr std::array<std::string_view, 3> kNan = {".nan", ".NaN", ".NAN"};
constexpr std::array<std::string_view, 3> kInfinity = {".inf", ".Inf", ".INF"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_sign(char c) { return c == '+' || c == '-'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool is_spelling_of(std::string_view lower, std::string_view text) {
  if (text == lower) return true;
  if (text.size() != lower.size() || text.empty() || text[0] != upper(lower[0])) return false;
  if (text.substr(1) == lower.substr(1)) return true;
  return std::ranges::equal(text, lower, {}, {}, upper);
}

template <class Words>
bool has(const Words& words, std::string_view text) {
  return std::ranges::find(words, text) != words.end();
}

std::string_view without_sign(std::string_view text) {
  return !text.empty() && is_sign(text[0]) ? text.substr(1) : text;
}

int take_base(std::string_view& digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  const char mark = upper(digits[1]);
  const int base = mark == 'X' ? 16 : mark == 'B' ? 2 : 8;
  digits.remove_prefix(base != 8 || mark == 'O' ? 2 : 1);
  return base;
}

std::optional<std::string> whole_number(std::string_view text) {
  const bool negative = text[0] == '-';
  std::string_view digits = without_sign(text);
  const int base = take_base(digits);
  uint64_t value = 0;
  const char *first = digits.data(), *end = first + digits.size();
  const auto [last, error] = std::from_chars(first, end, value, base);
  if (error != std::errc{} || last != end) return std::nullopt;
  if (!negative) return std::to_string(value);
  if (value > uint64_t{1} << 63) return std::nullopt;
  return std::to_string(static_cast<int64_t>(0 - value));
}

// [-+]? ( .digits | digits [. digits?] ) ( [eE] [-+]? digits )?
bool is_decimal(std::string_view text) {
  text = without_sign(text);
  const auto take_digits = [&text] {
    const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  const size_t before = take_digits();
  size_t after = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    after = take_digits();
  }
  if (before + after == 0) return false;
  if (!text.empty() && upper(text[0]) == 'E') {
    text = without_sign(text.substr(1));
    if (take_digits() == 0) return false;
  }
  return text.empty();
}

// Whole numbers without a point or an exponent, as Go writes them: 1e6 may be meant for an integer.
Scalar decimal(const std::string& text) {
  constexpr double kWrittenOut = 1e21;
  const double value = std::strtod(text.c_str(), nullptr);  // too small is zero here, as it should be
  if (std::isinf(value)) return {ScalarKind::kRefused, "", "is too large for a number"};
  Scalar out{.kind = ScalarKind::kNumber};
  if (value == 0)
    out.json = "0";
  else if (std::abs(value) < kWrittenOut && std::trunc(value) == value)
    out.json = fmt::format("{:.0f}", value);
  else
    json::Writer(out.json).value(value);
  return out;
}

Scalar number(std::string_view text) {
  std::string plain(text);
  if (!text.starts_with("._")) std::erase(plain, '_');
  if (plain.empty()) return {};
  if (plain[0] != '.')
    if (auto whole = whole_number(plain)) return {ScalarKind::kNumber, std::move(*whole), ""};
  return is_decimal(plain) ? decimal(plain) : Scalar{};
}

// 190:20:30, which YAML 1.1 counts in sixties.
bool is_sexagesimal(std::string_view text) {
  text = without_sign(text);
  return !text.empty() && is_digit(text[0]) && text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789_:.") == std::string_view::npos;
}

// 2001-1-1, whatever follows.
bool is_date(std::string_view text) {
  return text.size() >= 8 && std::all_of(text.begin(), text.begin() + 4, is_digit) && text[4] == '-' &&
         is_digit(text[5]);
}

}  // namespace

Scalar resolve_plain(std::string_view text) {
  for (const Word& word : kWords)
    if (is_spelling_of(word.lower, text)) return {word.kind, std::string(word.json), ""};
  if (has(kNan, text) || has(kInfinity, without_sign(text)))
    return {ScalarKind::kRefused, "", "is a number that JSON does not have"};
  return is_digit(text[0]) || is_sign(text[0]) || text[0] == '.' ? number(text) : Scalar{};
}

bool is_text_without_quotes(std::string_view text) {
  return resolve_plain(text).kind == ScalarKind::kText && text != "<<" && !is_sexagesimal(text) &&
         !is_date(text);
}

}  // namespace slipway::kube::internal
