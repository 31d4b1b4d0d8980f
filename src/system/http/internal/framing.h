// Where a request's head ends, and whether everybody would read the same request in it. What two readers
// could understand differently is refused: that is how requests are smuggled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "values/base/head.h"

namespace slipway::http::internal {

// status 0: nothing is wrong.
struct Refusal {
  int status = 0;
  std::string_view reason;
  explicit operator bool() const { return status != 0; }
};

// Finds the end of a head in bytes that arrive piece by piece, each byte looked at once. Refuses bare CR and
// LF, folded lines and control characters where they stand.
class HeadScanner {
 public:
  void reset() { *this = {}; }
  // `bytes` starts at the head's first byte and has grown since the last call. True: the head is complete, or
  // refused.
  bool scan(std::string_view bytes);
  size_t head_size() const { return line_start_; }  // with the empty line, once complete
  Refusal refusal() const { return refusal_; }

 private:
  bool end_line(std::string_view line);

  size_t line_start_ = 0;
  size_t next_ = 0;
  bool first_line_ = true;
  Refusal refusal_;
};

// What the headers say about the message that follows.
struct Framing {
  bool chunked = false;
  uint64_t content_length = 0;
  bool expects_continue = false;
  Refusal refusal;
};

struct Version {
  int major = 1, minor = 1;
};

Framing check_framing(std::span<const base::Header> headers, Version version);

}  // namespace slipway::http::internal
