// Appends JSON to a string. The caller opens and closes what it opens; commas are the writer's work.
//
//   std::string out;
//   Writer(out).object([&](Writer& w) { w.key("id").value("7").key("shape").array(std::span(dims)); });
//
// Numbers are written in the shortest form that reads back to the same bits. NaN and the infinities, which
// JSON does not have, are written as null. Strings must be valid UTF-8; bytes that are not are written as
// U+FFFD. One thread at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace slipway::json {

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }
  Writer& key(std::string_view name);

  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(bool flag) { return raw(flag ? "true" : "false"); }
  Writer& value(float number);
  Writer& value(double number);
  Writer& null() { return raw("null"); }
  template <std::integral T>
  Writer& value(T number) {
    if constexpr (std::is_signed_v<T>) return signed_value(number);
    return unsigned_value(number);
  }

  template <class F>
  Writer& object(F&& members) {
    begin_object();
    members(*this);
    return end_object();
  }
  template <class T, size_t N>
  Writer& array(std::span<T, N> items) {
    begin_array();
    for (const auto& item : items) value(item);
    return end_array();
  }

  // Text that is JSON already.
  Writer& raw(std::string_view json);

 private:
  Writer& open(char bracket);
  Writer& close(char bracket);
  void comma();
  Writer& signed_value(int64_t number);
  Writer& unsigned_value(uint64_t number);

  std::string& out_;
  bool first_ = true;  // no comma before the next value
};

// The text in quotes, escaped.
void append_quoted(std::string_view text, std::string& out);

}  // namespace slipway::json
