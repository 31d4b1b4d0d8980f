#include "values/json/writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "values/json/internal/utf8.h"

namespace slipway::json {
namespace {

constexpr size_t kLongestNumber = 32;

template <class T>
void append_number(T number, std::string& out) {
  std::array<char, kLongestNumber> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  out.append(buffer.data(), end);
}

template <class T>
void append_floating(T number, std::string& out) {
  // Readers that tell integers from floats (Python's does) would lose the sign of "-0".
  if (number == 0 && std::signbit(number))
    out += "-0.0";
  else
    append_number(number, out);
}

void append_escape(char c, std::string& out) {
  constexpr std::string_view kFrom = "\"\\\b\f\n\r\t", kTo = "\"\\bfnrt";
  out += '\\';
  if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
    out += kTo[i];
    return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "u00";
  out += kHex[static_cast<unsigned char>(c) >> 4];
  out += kHex[static_cast<unsigned char>(c) & 15];
}

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

}  // namespace

void append_quoted(std::string_view text, std::string& out) {
  out += '"';
  size_t done = 0, at = 0;
  while (at < text.size()) {
    if (is_plain(text[at])) {
      ++at;
      continue;
    }
    if (static_cast<unsigned char>(text[at]) >= 0x80) {
      if (const size_t length = internal::utf8_length(text.substr(at)); length > 0) {
        at += length;
        continue;
      }
    }
    out.append(text, done, at - done);
    if (static_cast<unsigned char>(text[at]) >= 0x80)
      out += "\xEF\xBF\xBD";
    else
      append_escape(text[at], out);
    done = ++at;
  }
  out.append(text, done, at - done);
  out += '"';
}

void Writer::comma() {
  if (!first_) out_ += ',';
  first_ = false;
}

Writer& Writer::open(char bracket) {
  comma();
  out_ += bracket;
  first_ = true;
  return *this;
}

Writer& Writer::close(char bracket) {
  out_ += bracket;
  first_ = false;
  return *this;
}

Writer& Writer::key(std::string_view name) {
  comma();
  append_quoted(name, out_);
  out_ += ':';
  first_ = true;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  comma();
  append_quoted(text, out_);
  return *this;
}

Writer& Writer::value(float number) {
  if (!std::isfinite(number)) return null();
  comma();
  append_floating(number, out_);
  return *this;
}

Writer& Writer::value(double number) {
  if (!std::isfinite(number)) return null();
  comma();
  append_floating(number, out_);
  return *this;
}

Writer& Writer::signed_value(int64_t number) {
  comma();
  append_number(number, out_);
  return *this;
}

Writer& Writer::unsigned_value(uint64_t number) {
  comma();
  append_number(number, out_);
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  comma();
  out_ += json;
  return *this;
}

}  // namespace slipway::json
