// Request ids. A caller's own is kept when it is short and printable; else one is made of time, origin and a
// counter, so that ids sort by time and say which loop of which process made them:
// 0192f3a4b5c6-7f3a9c21-00000a. One thread each.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "values/base/time.h"

namespace slipway::http {

class RequestIds {
 public:
  static constexpr size_t kSize = 12 + 1 + 8 + 1 + 6;
  using Text = std::array<char, kSize>;

  explicit RequestIds(uint32_t origin) : origin_(origin) {}
  void make(WallTime now, Text& out);

 private:
  const uint32_t origin_;
  uint32_t counter_ = 0;
};

// ≤ 128 letters, digits and -_.:/+=@~
bool is_request_id(std::string_view text);

}  // namespace slipway::http
