#include "values/json/scanner.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "values/json/internal/plain_number.h"
#include "values/json/internal/utf8.h"

namespace slipway::json {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Numbers that std::from_chars calls out of range are either huge or tiny; strtod, on a copy that ends, tells
// which.
template <class T>
T round_out_of_range(std::string_view text) {
  const std::string copy(text);
  if constexpr (std::is_same_v<T, float>) return std::strtof(copy.c_str(), nullptr);
  return static_cast<T>(std::strtod(copy.c_str(), nullptr));
}

template <class T>
bool name_to_value(std::string_view name, T& value) {
  value = name == "NaN" ? std::numeric_limits<T>::quiet_NaN() : std::numeric_limits<T>::infinity();
  if (name.front() == '-') value = -value;
  return true;
}

}  // namespace

bool Scanner::fault(std::string_view what) {
  if (good()) error_.message = fmt::format("at byte {}: {}", offset(), what);
  return false;
}

void Scanner::skip_space() {
  while (at_ != end_ && is_space(*at_)) ++at_;
}

bool Scanner::take(char wanted, std::string_view what) {
  if (!good()) return false;
  skip_space();
  if (at_ == end_) return fault(fmt::format("the text ends, expected {}", what));
  if (*at_ != wanted) return fault(fmt::format("expected {}", what));
  ++at_;
  return true;
}

Kind Scanner::peek() {
  if (!good()) return Kind::kNothing;
  skip_space();
  if (at_ == end_) return Kind::kNothing;
  switch (*at_) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBool;
    case 'n':
      return Kind::kNull;
    case 'N':
    case 'I':
      return Kind::kToken;
    case '-':
      return at_ + 1 != end_ && at_[1] == 'I' ? Kind::kToken : Kind::kNumber;
    default:
      return is_digit(*at_) ? Kind::kNumber : Kind::kNothing;
  }
}

bool Scanner::push(char open, std::string_view what) {
  if (!take(open, what)) return false;
  if (depth_ == limits_.depth || depth_ == kMaxDepth)
    return fault(fmt::format("nested deeper than {} levels", std::min(limits_.depth, kMaxDepth)));
  first_[depth_++] = true;
  return true;
}

bool Scanner::begin_object() { return push('{', "an object"); }
bool Scanner::begin_array() { return push('[', "an array"); }

bool Scanner::first_here() {
  const bool first = first_[depth_ - 1];
  first_[depth_ - 1] = false;
  return first;
}

bool Scanner::next_key(std::string_view& key) {
  if (!good()) return false;
  skip_space();
  const bool first = first_here();
  if (at_ != end_ && *at_ == '}') {
    ++at_;
    pop();
    return false;
  }
  if (!first && !take(',', "',' or '}'")) return false;
  skip_space();
  if (at_ == end_ || *at_ != '"') return fault("expected a member's name in quotes");
  return read(key) && take(':', "':'");
}

bool Scanner::next_element() {
  if (!good()) return false;
  skip_space();
  const bool first = first_here();
  if (at_ != end_ && *at_ == ']') {
    ++at_;
    pop();
    return false;
  }
  if (first) return at_ != end_ || fault("the text ends inside an array");
  if (!take(',', "',' or ']'")) return false;
  skip_space();
  if (at_ != end_ && *at_ == ']') return fault("expected a value after ','");
  return true;
}

bool Scanner::read(std::string_view& value) {
  if (!take('"', "a string")) return false;
  const char* start = at_;
  const char* p = at_;
  while (p != end_ && static_cast<unsigned char>(*p) >= 0x20 && static_cast<unsigned char>(*p) < 0x80 &&
         *p != '"' && *p != '\\')
    ++p;
  if (p == end_ || *p != '"') return read_escaped(start, value);
  if (static_cast<size_t>(p - start) > limits_.string_bytes) return fault("the string is too long");
  value = {start, static_cast<size_t>(p - start)};
  at_ = p + 1;
  return true;
}

// Strings with escapes or with letters beyond ASCII: checked byte by byte, and decoded when there is an
// escape.
bool Scanner::read_escaped(const char* start, std::string_view& value) {
  std::string decoded;
  bool escaped = false;
  const char* run = start;
  const char* p = start;
  for (;;) {
    at_ = p;
    if (p == end_) return fault("the text ends inside a string");
    if (static_cast<size_t>(p - start) > limits_.string_bytes) return fault("the string is too long");
    const auto c = static_cast<unsigned char>(*p);
    if (c == '"') break;
    if (c < 0x20) return fault("a control character inside a string; write it as an escape");
    if (c == '\\') {
      escaped = true;
      decoded.append(run, p);
      if (!unescape(++p, decoded)) return false;
      run = p;
    } else if (c < 0x80) {
      ++p;
    } else {
      const size_t length = internal::utf8_length({p, static_cast<size_t>(end_ - p)});
      if (length == 0) return fault("the string is not valid UTF-8");
      p += length;
    }
  }
  at_ = p + 1;
  value = {start, static_cast<size_t>(p - start)};
  if (!escaped) return true;
  decoded.append(run, p);
  if (arena_ != nullptr) {
    value = arena_->copy(decoded);
    if (value.size() != decoded.size()) {
      error_ = {Code::kExhausted, "no memory left for the request's strings; try again later"};
      return false;
    }
    return true;
  }
  scratch_ = std::move(decoded);
  value = scratch_;
  return true;
}

bool Scanner::hex4(const char*& p, uint32_t& value) {
  value = 0;
  if (end_ - p < 4) return fault("the text ends inside an escape");
  const auto [last, error] = std::from_chars(p, p + 4, value, 16);
  if (error != std::errc{} || last != p + 4) return fault("\\u needs four hex digits");
  p += 4;
  return true;
}

bool Scanner::unescape(const char*& p, std::string& out) {
  at_ = p;
  if (p == end_) return fault("the text ends inside an escape");
  const char c = *p++;
  constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
  if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
    out += kTo[i];
    return true;
  }
  if (c != 'u') return fault("unknown escape");
  uint32_t unit = 0;
  if (!hex4(p, unit)) return false;
  if (unit >= 0xDC00 && unit < 0xE000) return fault("a low surrogate without its high one");
  if (unit >= 0xD800 && unit < 0xDC00) {
    uint32_t low = 0;
    if (end_ - p < 2 || p[0] != '\\' || p[1] != 'u') return fault("a high surrogate without its low one");
    p += 2;
    if (!hex4(p, low)) return false;
    if (low < 0xDC00 || low >= 0xE000) return fault("a high surrogate without its low one");
    unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
  }
  internal::append_utf8(unit, out);
  return true;
}

bool Scanner::token(std::string_view word) {
  if (static_cast<size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
    return false;
  at_ += word.size();
  return true;
}

bool Scanner::read(bool& value) {
  if (peek() == Kind::kBool) {
    if (token("true")) return value = true;
    if (token("false")) {
      value = false;
      return true;
    }
  }
  return fault("expected true or false");
}

bool Scanner::read_token(std::string_view& text) {
  const char* start = at_;
  if (limits_.non_finite == NonFinite::kRefused || !(token("NaN") || token("Infinity") || token("-Infinity")))
    return fault("expected a number");
  text = {start, static_cast<size_t>(at_ - start)};
  return true;
}

bool Scanner::read_null() { return (peek() == Kind::kNull && token("null")) || fault("expected null"); }

// Takes the text of a number by JSON's own grammar, which is narrower than what std::from_chars takes.
bool Scanner::number_text(std::string_view& text) {
  if (peek() != Kind::kNumber) return fault("expected a number");
  const char* p = at_;
  const auto digits = [&] {
    const char* first = p;
    while (p != end_ && is_digit(*p)) ++p;
    return p != first;
  };
  if (*p == '-') ++p;
  const bool zero = p != end_ && *p == '0';
  const char* first = p;
  if (!digits()) return fault("a number needs a digit after '-'");
  if (zero && p - first > 1) return fault("a number must not start with 0");
  if (p != end_ && *p == '.') {
    ++p;
    if (!digits()) return fault("a number needs a digit after '.'");
  }
  if (p != end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end_ && (*p == '+' || *p == '-')) ++p;
    if (!digits()) return fault("a number needs a digit in its exponent");
  }
  text = {at_, static_cast<size_t>(p - at_)};
  return true;
}

template <std::integral T>
bool Scanner::read_integer(T& value) {
  std::string_view text;
  if (!number_text(text)) return false;
  T parsed{};
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error == std::errc::result_out_of_range)
    return fault(fmt::format("{} is out of range", text.substr(0, 40)));
  if (error != std::errc{} || last != text.data() + text.size())
    return fault(fmt::format("expected {} integer, found {}", std::is_signed_v<T> ? "an" : "a non-negative",
                             text.substr(0, 40)));
  value = parsed;
  at_ += text.size();
  return true;
}

bool Scanner::read(int64_t& value) { return read_integer(value); }
bool Scanner::read(uint64_t& value) { return read_integer(value); }

template <std::floating_point T>
bool Scanner::read_floating(T& value) {
  std::string_view text;
  if (limits_.non_finite == NonFinite::kRead) {
    const Kind kind = peek();
    if (kind == Kind::kToken) return read_token(text) && name_to_value(text, value);
    if (kind == Kind::kNull) {
      value = std::numeric_limits<T>::quiet_NaN();
      return read_null();
    }
  }
  if (!number_text(text)) return false;
  const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    value = round_out_of_range<T>(text);
    if (std::isinf(value)) return fault(fmt::format("{} is out of range", text.substr(0, 40)));
  }
  at_ += text.size();
  return true;
}

template <std::floating_point T>
size_t Scanner::read_run_of(std::span<T> out) {
  if (!good() || depth_ == 0) return 0;
  bool first = first_[depth_ - 1];
  size_t count = 0;
  for (; count < out.size(); ++count) {
    const char* p = internal::after_space(at_, end_);
    if (!first) {
      if (p == end_ || *p != ',') break;
      p = internal::after_space(p + 1, end_);
    }
    if (!internal::read_plain(p, end_, out[count])) break;
    first = false;
    at_ = p;
  }
  first_[depth_ - 1] = first;
  return count;
}

size_t Scanner::read_run(std::span<float> out) { return read_run_of(out); }
size_t Scanner::read_run(std::span<double> out) { return read_run_of(out); }

bool Scanner::read(float& value) { return read_floating(value); }
bool Scanner::read(double& value) { return read_floating(value); }

bool Scanner::skip_scalar(Kind kind) {
  std::string_view text;
  bool flag = false;
  switch (kind) {
    case Kind::kString:
      return read(text);
    case Kind::kNumber:
      if (!number_text(text)) return false;
      at_ += text.size();
      return true;
    case Kind::kToken:
      return read_token(text);
    case Kind::kBool:
      return read(flag);
    case Kind::kNull:
      return read_null();
    default:
      return fault("expected a value");
  }
}

// Iterative, so that hostile depth costs a counter and no stack.
bool Scanner::skip() {
  const size_t floor = depth_;
  std::array<bool, kMaxDepth> is_object{};
  do {
    const Kind kind = peek();
    const bool container = kind == Kind::kObject || kind == Kind::kArray;
    if (!(kind == Kind::kObject ? begin_object() : container ? begin_array() : skip_scalar(kind)))
      return false;
    if (container) is_object[depth_ - 1] = kind == Kind::kObject;
    std::string_view key;
    while (depth_ > floor && !(is_object[depth_ - 1] ? next_key(key) : next_element()))
      if (!good()) return false;
  } while (depth_ > floor);
  return good();
}

bool Scanner::raw(std::string_view& text) {
  skip_space();
  const char* start = at_;
  if (!skip()) return false;
  text = {start, static_cast<size_t>(at_ - start)};
  return true;
}

bool Scanner::finish() {
  if (!good()) return false;
  skip_space();
  return at_ == end_ || fault("unexpected text after the value");
}

}  // namespace slipway::json
