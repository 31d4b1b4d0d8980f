// A text of `key=value` lines in sections, as LightGBM writes it. Views into the text.
#pragma once

#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::native::internal {

// What the lines of one section say: "tree" at the top of the file, or "Tree=7". It keeps the keys that are
// asked for and nothing else, so its size does not depend on the file.
class Section {
 public:
  Section(size_t line, std::span<const std::string_view> keys) : line_(line), keys_(keys) {}
  // kInvalid when the section has said something for this key already.
  Status add(std::string_view key, std::string_view value);
  size_t line() const { return line_; }

  std::optional<std::string_view> find(std::string_view key) const;
  bool has(std::string_view key) const { return find(key).has_value(); }

  Result<int64_t> integer(std::string_view key) const;
  // Exactly `count` numbers between single spaces; T is int64_t or double.
  template <class T>
  Result<std::vector<T>> numbers(std::string_view key, size_t count) const;

 private:
  struct Entry {
    std::string_view key, value;
  };
  std::vector<Entry> entries_;  // at most one for each of keys_
  size_t line_;
  std::span<const std::string_view> keys_;
};

// Takes lines off the front of a text.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next(std::string_view& line);
  size_t number() const { return number_; }

 private:
  std::string_view rest_;
  size_t number_ = 0;
};

template <class T>
Result<T> parse_number(std::string_view key, std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(Code::kInvalid, "{}: '{}' is not a number", key, text.substr(0, 40));
  return value;
}

// Calls take(word) for each word between single spaces, until it says false.
template <class Take>
void each_word(std::string_view text, Take&& take) {
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    if (!take(text.substr(0, space))) return;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
}

}  // namespace slipway::native::internal
