#include "system/http/internal/output.h"

#include <charconv>
#include <ctime>

namespace slipway::http::internal {
namespace {

void append_number(std::string& out, size_t number, int base = 10) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out.append(digits.data(), end);
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  // A value from a caller must not be able to end its line. Two passes: find_first_of makes a call for each
  // byte.
  if (value.find('\r') == std::string_view::npos && value.find('\n') == std::string_view::npos) out += value;
  out += "\r\n";
}

}  // namespace

std::string_view reason_phrase(int status) {
  struct Phrase {
    int status;
    std::string_view text;
  };
  constexpr Phrase kPhrases[] = {{200, "OK"},
                                 {201, "Created"},
                                 {202, "Accepted"},
                                 {204, "No Content"},
                                 {206, "Partial Content"},
                                 {304, "Not Modified"},
                                 {400, "Bad Request"},
                                 {401, "Unauthorized"},
                                 {403, "Forbidden"},
                                 {404, "Not Found"},
                                 {405, "Method Not Allowed"},
                                 {408, "Request Timeout"},
                                 {409, "Conflict"},
                                 {411, "Length Required"},
                                 {413, "Content Too Large"},
                                 {414, "URI Too Long"},
                                 {415, "Unsupported Media Type"},
                                 {417, "Expectation Failed"},
                                 {422, "Unprocessable Content"},
                                 {429, "Too Many Requests"},
                                 {431, "Request Header Fields Too Large"},
                                 {500, "Internal Server Error"},
                                 {501, "Not Implemented"},
                                 {503, "Service Unavailable"},
                                 {504, "Gateway Timeout"},
                                 {505, "HTTP Version Not Supported"}};
  for (const Phrase& phrase : kPhrases)
    if (phrase.status == status) return phrase.text;
  return "Status";
}

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

std::string_view DateHeader::at(WallTime now) {
  const int64_t second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (second != second_) {
    second_ = second;
    const time_t time = second;
    tm parts{};
    ::gmtime_r(&time, &parts);
    std::strftime(text_.data(), text_.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {text_.data(), text_.size() - 1};
}

void append_head(std::string& out, const Answer& answer, const HeadOptions& options) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<size_t>(answer.status));
  out += ' ';
  out += reason_phrase(answer.status);
  out += "\r\n";
  if (!has_no_body(answer.status)) {
    if (!answer.content_type.empty()) append_line(out, "content-type", answer.content_type);
    if (options.framed == Framed::kLength) {
      out += "content-length: ";
      append_number(out, options.length);
      out += "\r\n";
    }
    if (options.framed == Framed::kChunked) out += "transfer-encoding: chunked\r\n";
  }
  append_line(out, "date", options.date);
  append_line(out, "x-request-id", options.request_id);
  for (const base::Header& header : answer.headers) append_line(out, header.name, header.value);
  if (!options.keep_alive)
    out += "connection: close\r\n";
  else if (options.http_1_0)
    out += "connection: keep-alive\r\n";
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  append_number(out, piece.size(), 16);
  out += "\r\n";
  out += piece;
  out += "\r\n";
}

void append_last_chunk(std::string& out, std::span<const base::Header> trailers) {
  out += "0\r\n";
  for (const base::Header& trailer : trailers) append_line(out, trailer.name, trailer.value);
  out += "\r\n";
}

}  // namespace slipway::http::internal
