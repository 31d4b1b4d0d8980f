#include "system/http/internal/response_reader.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "system/http/internal/output.h"

namespace slipway::http::internal {
namespace {

constexpr size_t kHeadLimit = 64 << 10;  // trailers and interim answers count too
constexpr uint64_t kFramingLimit = 64 << 10;

}  // namespace

ResponseReader::ResponseReader() { begin(base::Method::kGet); }

void ResponseReader::begin(base::Method method) {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_header_field = on_name;
    made.on_header_value = on_value;
    made.on_headers_complete = on_headers_complete;
    made.on_body = on_body;
    made.on_message_complete = on_complete;
    return made;
  }();
  llhttp_init(&parser_, HTTP_RESPONSE, &settings);
  parser_.data = this;
  response_ = {};
  heard_ = has_head_ = complete_ = interim_ = in_value_ = false;
  head_only_ = method == base::Method::kHead;
  head_bytes_ = 0;
  taken_ = carried_ = 0;
  fault_.reset();
}

int ResponseReader::count(size_t bytes) {
  head_bytes_ += bytes;
  if (head_bytes_ <= kHeadLimit) return 0;
  fault_ = {Code::kTooLarge, "the head of the answer is too large"};
  return HPE_USER;
}

int ResponseReader::on_name(llhttp_t* parser, const char* at, size_t size) {
  ResponseReader& me = self(parser);
  if (me.has_head_) return me.count(size);  // a trailer
  if (std::exchange(me.in_value_, false) || me.response_.headers.empty()) me.response_.headers.emplace_back();
  std::transform(at, at + size, std::back_inserter(me.response_.headers.back().first),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return me.count(size);
}

int ResponseReader::on_value(llhttp_t* parser, const char* at, size_t size) {
  ResponseReader& me = self(parser);
  if (me.has_head_) return me.count(size);
  me.in_value_ = true;
  me.response_.headers.back().second.append(at, size);
  return me.count(size);
}

int ResponseReader::on_headers_complete(llhttp_t* parser) {
  ResponseReader& me = self(parser);
  me.interim_ = parser->status_code < 200 && parser->status_code != 101;
  if (me.interim_) return 0;
  me.has_head_ = true;
  me.response_.status = parser->status_code;
  const bool empty =
      (parser->flags & (F_CHUNKED | F_CONTENT_LENGTH)) == F_CONTENT_LENGTH && parser->content_length == 0;
  if (me.head_only_ || empty || has_no_body(parser->status_code)) return 1;  // completes the message now
  return HPE_PAUSED;
}

int ResponseReader::on_body(llhttp_t* parser, const char* at, size_t size) {
  ResponseReader& me = self(parser);
  if (me.interim_) return HPE_USER;
  std::copy_n(at, size, me.into_.data() + me.given_);
  me.given_ += size;
  return 0;
}

int ResponseReader::on_complete(llhttp_t* parser) {
  ResponseReader& me = self(parser);
  if (me.interim_) {
    me.response_ = {};
    me.in_value_ = false;
    return 0;
  }
  me.complete_ = true;
  return HPE_PAUSED;
}

size_t ResponseReader::execute(std::string_view bytes) {
  if (bytes.empty() || fault_) return 0;
  heard_ = true;
  if (llhttp_get_errno(&parser_) == HPE_PAUSED) llhttp_resume(&parser_);
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (error == HPE_OK) return bytes.size();
  if (error == HPE_PAUSED || complete_)
    return static_cast<size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
  if (!fault_) fault_ = {Code::kInvalid, "the answer is not HTTP"};
  return 0;
}

size_t ResponseReader::feed_head(std::string_view bytes) { return execute(bytes); }

ResponseReader::Fed ResponseReader::feed_body(std::string_view bytes, std::span<char> into) {
  into_ = into;
  given_ = 0;
  const size_t taken = execute(bytes);
  taken_ += taken;
  carried_ += given_;
  // A chunk of one byte costs six on the wire and is legal; endless extensions are not a body.
  if (taken_ > carried_ * 16 + kFramingLimit)
    fault_ = {Code::kInvalid, "the body of the answer is mostly framing"};
  return {.taken = taken, .given = given_};
}

void ResponseReader::at_end() {
  if (!fault_ && has_head_ && !complete_) llhttp_finish(&parser_);
}

}  // namespace slipway::http::internal
