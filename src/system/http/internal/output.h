// The bytes of answers.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "system/http/exchange.h"
#include "values/base/time.h"

namespace slipway::http::internal {

std::string_view reason_phrase(int status);
bool has_no_body(int status);  // 1xx, 204, 304

// Sun, 06 Nov 1994 08:49:37 GMT
class DateHeader {
 public:
  std::string_view at(WallTime now);  // made anew once a second

 private:
  int64_t second_ = -1;
  std::array<char, 30> text_{};
};

enum class Framed { kLength, kChunked, kNone };
struct HeadOptions {
  Framed framed = Framed::kLength;
  size_t length = 0;
  bool keep_alive = true;
  bool http_1_0 = false;
  std::string_view request_id;
  std::string_view date;
};

void append_head(std::string& out, const Answer& answer, const HeadOptions& options);
void append_chunk(std::string& out,
                  std::string_view piece);  // nothing for an empty piece: that would end the body
void append_last_chunk(std::string& out, std::span<const base::Header> trailers);

}  // namespace slipway::http::internal
