#include "system/http/internal/framing.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace slipway::http::internal {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7F;
}

// How many bytes in front are surely no control characters: eight at a time, and then there are few left to
// look at one by one.
size_t plain_bytes(std::string_view text) {
  constexpr uint64_t kEach = 0x0101010101010101;
  size_t at = 0;
  for (uint64_t word = 0; text.size() - at >= sizeof word; at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    const uint64_t below_space = (word - kEach * 0x20) & ~word;
    const uint64_t other = word ^ (kEach * 0x7F);
    const uint64_t is_delete = (other - kEach) & ~other;
    if (((below_space | is_delete) & (kEach * 0x80)) != 0) break;
  }
  return at;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// Enough to keep two readers from seeing two hosts in it; what is inside is not ours to judge.
bool is_host(std::string_view text) {
  return !text.empty() && text.find_first_of(" \t/?#@,") == std::string_view::npos;
}

bool read_length(std::string_view text, uint64_t& length) {
  if (text.empty() || text.size() > 19) return false;  // no leading '+', no spaces, no overflow
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

bool HeadScanner::end_line(std::string_view line) {
  if (line.empty() && !first_line_) return true;
  if (line.empty()) refusal_ = {400, "the request line is empty"};
  if (!first_line_ && (line.front() == ' ' || line.front() == '\t'))
    refusal_ = {400, "a header line is folded"};
  if (first_line_ && std::ranges::count(line, ' ') != 2)
    refusal_ = {400, "the request line is not METHOD TARGET VERSION with single spaces"};
  first_line_ = false;
  return refusal_.status != 0;
}

bool HeadScanner::scan(std::string_view bytes) {
  for (; next_ < bytes.size(); ++next_) {
    const char c = bytes[next_];
    if (!is_control(c)) {
      if (next_ == line_start_) next_ += std::max<size_t>(plain_bytes(bytes.substr(next_)), 1) - 1;
      continue;
    }
    if (c == '\r' && next_ + 1 == bytes.size()) return false;  // judged with what follows it
    if (c == '\r' && bytes[next_ + 1] == '\n') continue;
    const bool ends_line = c == '\n' && next_ > line_start_ && bytes[next_ - 1] == '\r';
    if (!ends_line) {
      refusal_ = {400, c == '\n' ? "a line ends without CR" : "a control character in the head"};
      return true;
    }
    const std::string_view line = bytes.substr(line_start_, next_ - 1 - line_start_);
    line_start_ = next_ + 1;
    if (end_line(line)) {
      ++next_;
      return true;
    }
  }
  return false;
}

Framing check_framing(std::span<const base::Header> headers, Version version) {
  Framing framing;
  const auto refuse = [&](int status, std::string_view reason) {
    if (!framing.refusal) framing.refusal = {status, reason};
  };
  int hosts = 0, lengths = 0;
  if (version.major != 1 || version.minor > 1) refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  for (const base::Header& header : headers) {
    if (header.name == "host") {
      ++hosts;
      if (!is_host(header.value)) refuse(400, "Host is not a host's name");
    }
    if (header.name == "content-length") {
      ++lengths;
      if (!read_length(header.value, framing.content_length)) refuse(400, "Content-Length is not a number");
    }
    if (header.name == "transfer-encoding") {
      if (version.minor == 0) refuse(400, "Transfer-Encoding in an HTTP/1.0 request");
      if (framing.chunked) refuse(400, "Transfer-Encoding stands there twice");
      if (!equals_ignoring_case(header.value, "chunked"))
        refuse(501, "the only Transfer-Encoding is chunked");
      framing.chunked = true;
    }
    if (header.name == "expect") {
      if (!equals_ignoring_case(header.value, "100-continue")) refuse(417, "the only Expect is 100-continue");
      framing.expects_continue = version.minor > 0;
    }
  }
  if (lengths > 1) refuse(400, "Content-Length stands there twice");
  if (lengths > 0 && framing.chunked) refuse(400, "Content-Length and Transfer-Encoding together");
  if (hosts > 1) refuse(400, "Host stands there twice");
  if (hosts == 0 && version.minor > 0) refuse(400, "Host is missing");
  return framing;
}

}  // namespace slipway::http::internal
