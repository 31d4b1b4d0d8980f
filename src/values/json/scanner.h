// A strict pull scanner for JSON (RFC 8259) that makes no tree and does not allocate while strings have no
// escapes.
//
//   Scanner in(text);
//   if (in.begin_object())
//     for (std::string_view key; in.next_key(key);) {
//       if (key == "id") in.read(id);
//       else in.skip();
//     }
//   if (!in.finish()) return fail(in.error());
//
// The first fault sticks: after it every call returns false and error() says what was expected at which byte
// offset. So a reader may check once, at its end. Values are only written when their call returns true.
//
// Strict means: one value, no trailing commas, no comments, no control characters, valid UTF-8, no lone
// surrogates, the exact number grammar, limits on depth and string length. Views point into the text, or into
// scratch memory when the string had escapes: they then live until the next string is read, or as long as the
// arena when one is given. One thread at a time.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "values/base/arena.h"
#include "values/base/result.h"

namespace slipway::json {

// The tokens NaN, Infinity and -Infinity, which JSON does not have but tabular data needs. null reads as NaN
// then.
enum class NonFinite : uint8_t { kRefused, kRead };

struct Limits {
  size_t depth = 64;  // nested objects and arrays; at most kMaxDepth
  size_t string_bytes = 16 << 20;
  NonFinite non_finite = NonFinite::kRefused;
};

enum class Kind : uint8_t { kObject, kArray, kString, kNumber, kBool, kNull, kToken, kNothing };

class Scanner {
 public:
  static constexpr size_t kMaxDepth = 256;

  explicit Scanner(std::string_view text, Limits limits = {}, base::Arena* arena = nullptr)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), limits_(limits), arena_(arena) {}
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  // What comes next, without taking it. kToken: one of NaN, Infinity, -Infinity. kNothing: no value starts
  // here.
  Kind peek();

  bool begin_object();
  bool next_key(std::string_view& key);  // false at the closing brace, or after a fault
  bool begin_array();
  bool next_element();  // false at the closing bracket, or after a fault

  bool read(std::string_view& value);
  bool read(bool& value);
  bool read(int64_t& value);  // 7, -7; neither 7.0 nor 7e0
  bool read(uint64_t& value);
  // Correctly rounded from the text to the type asked for. Beyond the type's range: a fault; below its
  // smallest: zero.
  bool read(float& value);
  bool read(double& value);
  bool read_null();

  // Plain numbers of the array that is open, one after the other, until the array ends, `out` is full, or
  // something comes that needs a closer look; gives how many. The same as next_element() and read() for each,
  // at a third of the cost.
  size_t read_run(std::span<float> out);
  size_t read_run(std::span<double> out);

  bool skip();                       // any value, as strictly as if it were read
  bool raw(std::string_view& text);  // skips a value and gives its text, to be scanned later

  bool finish();  // true: no fault, and nothing but white space is left
  bool good() const { return error_.message.empty(); }
  const Error& error() const { return error_; }
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }

  // A fault of the caller's own: "at byte 17: " + the text. Returns false.
  bool fault(std::string_view what);

 private:
  void skip_space();
  bool take(char wanted, std::string_view what);
  bool push(char open, std::string_view what);
  void pop() { --depth_; }
  bool first_here();
  bool read_escaped(const char* start, std::string_view& value);
  bool unescape(const char*& p, std::string& out);
  bool hex4(const char*& p, uint32_t& value);
  bool number_text(std::string_view& text);
  bool skip_scalar(Kind kind);
  bool token(std::string_view word);
  bool read_token(std::string_view& text);
  template <std::integral T>
  bool read_integer(T& value);
  template <std::floating_point T>
  bool read_floating(T& value);
  template <std::floating_point T>
  size_t read_run_of(std::span<T> out);

  const char* begin_;
  const char* at_;
  const char* end_;
  Limits limits_;
  base::Arena* arena_;
  size_t depth_ = 0;
  std::array<bool, kMaxDepth> first_{};  // for each open container: nothing of it has been read yet
  std::string scratch_;
  Error error_{Code::kInvalid, ""};
};

}  // namespace slipway::json
