// UBJSON (draft 12) as a pull scanner with the interface and the rules of json::Scanner: first fault sticks,
// no tree, limits on depth and on every claimed length (nothing may claim more than the bytes that are left).
// Numbers are big-endian, as XGBoost writes them; arrays may be typed and counted ("[$d#"). High-precision
// numbers and typed objects are refused. Views point into the bytes. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "values/base/result.h"
#include "values/json/scanner.h"

namespace slipway::native {

class Ubjson {
 public:
  explicit Ubjson(std::string_view bytes, size_t depth_limit = 64)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()), depth_limit_(depth_limit) {}
  Ubjson(const Ubjson&) = delete;
  Ubjson& operator=(const Ubjson&) = delete;

  json::Kind peek();
  bool begin_object();
  bool next_key(std::string_view& key);
  bool begin_array();
  bool next_element();

  bool read(std::string_view& value);
  bool read(bool& value);
  bool read(int64_t& value);
  bool read(float& value);
  bool skip();

  bool finish();
  bool good() const { return error_.message.empty(); }
  const Error& error() const { return error_; }
  size_t offset() const { return static_cast<size_t>(at_ - begin_); }
  bool fault(std::string_view what);

 private:
  static constexpr int64_t kUncounted = -1;
  static constexpr size_t kMaxDepth = 64;
  struct Open {
    bool is_object = false;
    char type = 0;              // of every element; 0: each says its own
    int64_t left = kUncounted;  // elements still to come
  };

  size_t left() const { return static_cast<size_t>(end_ - at_); }
  void skip_padding();
  char look();  // the marker of the value that comes next; 0 at the end
  bool take_marker(char& marker);
  bool push(bool is_object);
  bool read_count(int64_t& count);
  bool integer_of(char marker, int64_t& value);
  bool text(std::string_view& value);
  template <class T>
  bool big_endian(T& value);

  const char* begin_;
  const char* at_;
  const char* end_;
  size_t depth_limit_;
  size_t depth_ = 0;
  std::array<Open, kMaxDepth> open_{};
  Error error_{Code::kInvalid, ""};
};

}  // namespace slipway::native
