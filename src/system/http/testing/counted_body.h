// A request body from a source, for tests of who reads how much of it.
#pragma once

#include <algorithm>

#include "system/http/client.h"

namespace slipway::http::testing {

// A body of `size` bytes whose reading is counted.
struct Counted {
  explicit Counted(uint64_t size)
      : source{.size = size, .read = [this](std::span<char> into) -> Result<size_t> {
                 largest = std::max(largest, into.size());
                 std::ranges::fill(into, '#');
                 given += into.size();
                 return into.size();
               }} {}
  uint64_t given = 0;
  size_t largest = 0;
  BodySource source;
};

}  // namespace slipway::http::testing
