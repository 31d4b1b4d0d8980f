#include "system/http/internal/parser.h"

#include <algorithm>

namespace slipway::http::internal {
namespace {

constexpr size_t kChunkOverheadLimit = 64 * 1024;  // beyond what the body itself pays for

// One table for the process: llhttp only reads it.
const llhttp_settings_t& settings_of(llhttp_settings_t (*make)()) {
  static const llhttp_settings_t settings = make();
  return settings;
}

// http://host/path → /path: proxies send the absolute form, and it means the same.
std::string_view origin_form(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!target.starts_with(kScheme)) return target;
  // A slash in the query of "http://host?x=/y" starts no path; a target without one is refused.
  const size_t after_host = target.find_first_of("/?", kScheme.size());
  return after_host == std::string_view::npos ? "/" : target.substr(after_host);
}

// Of any other encoding the body would go on as if it were none.
bool is_chunked_alone(std::span<const base::Header> headers) {
  constexpr std::string_view kChunked = "chunked";
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  int said = 0;
  for (const base::Header& header : headers) {
    if (header.name != "transfer-encoding") continue;
    if (++said > 1 || !std::ranges::equal(header.value, kChunked, same)) return false;
  }
  return true;
}

}  // namespace

Parser::Parser(Of of) {
  const llhttp_settings_t& settings = settings_of([] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_url = on_target;
    made.on_header_field = on_name;
    made.on_header_value = on_value;
    made.on_headers_complete = on_headers_complete;
    made.on_body = on_body;
    made.on_message_complete = on_message_complete;
    return made;
  });
  llhttp_init(&parser_, of == Of::kRequests ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
  parser_.data = this;
}

int Parser::on_target(llhttp_t* parser, const char* at, size_t length) {
  self(parser).target_ = {at, length};
  return 0;
}

int Parser::on_name(llhttp_t* parser, const char* at, size_t length) {
  Parser& me = self(parser);
  if (me.in_body_) return 0;  // a trailer
  if (me.headers_.size() == me.limits_.headers) {
    me.too_many_headers_ = true;
    return HPE_USER;
  }
  for (char* c = const_cast<char*>(at); c != at + length; ++c)
    *c = static_cast<char>(*c | (*c >= 'A' && *c <= 'Z') << 5);  // without a branch for each letter
  me.headers_.push_back({{at, length}, {}});
  return 0;
}

int Parser::on_value(llhttp_t* parser, const char* at, size_t length) {
  Parser& me = self(parser);
  if (me.in_body_) return 0;
  std::string_view value(at, length);
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  me.headers_.back().value = value;
  return 0;
}

int Parser::on_headers_complete(llhttp_t* parser) { return self(parser).in_body_ ? 0 : HPE_PAUSED; }

int Parser::on_body(llhttp_t* parser, const char* at, size_t length) {
  self(parser).body_->append(at, length);
  return 0;
}

int Parser::on_message_complete(llhttp_t*) { return HPE_PAUSED; }

llhttp_errno_t Parser::execute_head(std::span<char> head, const HeadLimits& limits) {
  llhttp_reset(&parser_);
  headers_.clear();
  target_ = {};
  limits_ = limits;
  too_many_headers_ = in_body_ = false;
  consumed_ = carried_ = 0;
  return llhttp_execute(&parser_, head.data(), head.size());
}

Refusal Parser::parse_answer(std::span<char> head, size_t headers) {
  const llhttp_errno_t error = execute_head(head, {.headers = headers});
  if (too_many_headers_) return {502, "the answer has too many headers"};
  if (error != HPE_PAUSED) return {502, "the answer is not HTTP"};
  if ((parser_.flags & F_TRANSFER_ENCODING) != 0 && !is_chunked_alone(headers_))
    return {502, "the answer is encoded in another way than chunked"};
  return {};
}

Refusal Parser::parse_head(std::span<char> head, const HeadLimits& limits) {
  const llhttp_errno_t error = execute_head(head, limits);
  if (too_many_headers_) return {431, "too many headers"};
  if (error == HPE_INVALID_METHOD) return {501, "unknown method"};
  if (error == HPE_INVALID_VERSION) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  if (error == HPE_INVALID_CONTENT_LENGTH || error == HPE_UNEXPECTED_CONTENT_LENGTH)
    return {400, "Content-Length is not one number that stands alone"};
  if (error == HPE_INVALID_TRANSFER_ENCODING) return {400, "Transfer-Encoding does not end with chunked"};
  if (error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE) return {400, "the head is malformed"};
  if (target_.size() > limits.target_bytes) return {414, "the target is too long"};
  target_ = origin_form(target_);
  if (!target_.starts_with('/') && target_ != "*") return {400, "the target is not a path"};
  std::erase_if(headers_, [](const base::Header& h) { return h.name.find('_') != std::string_view::npos; });
  return {};
}

base::Method Parser::method() const {
  switch (static_cast<llhttp_method_t>(parser_.method)) {
    case HTTP_GET:
      return base::Method::kGet;
    case HTTP_HEAD:
      return base::Method::kHead;
    case HTTP_POST:
      return base::Method::kPost;
    case HTTP_PUT:
      return base::Method::kPut;
    case HTTP_PATCH:
      return base::Method::kPatch;
    case HTTP_DELETE:
      return base::Method::kDelete;
    case HTTP_OPTIONS:
      return base::Method::kOptions;
    default:
      return base::Method::kOther;
  }
}

Parser::Chunked Parser::feed_chunked(std::string_view bytes, std::string& out) {
  const size_t before = out.size();
  in_body_ = true;
  body_ = &out;
  if (llhttp_get_errno(&parser_) == HPE_PAUSED) llhttp_resume(&parser_);
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  body_ = nullptr;
  Chunked result{.consumed = bytes.size()};
  if (error == HPE_PAUSED) {
    result.done = true;
    result.consumed = static_cast<size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
  } else if (error != HPE_OK) {
    result.refusal = {400, "the chunked body is malformed"};
  }
  // A chunk of one byte costs six on the wire and is legal; endless extensions and trailers are not a body.
  // Judged over the whole body: a chunk's size often comes alone, and a long body has many.
  consumed_ += result.consumed;
  carried_ += out.size() - before;
  if (consumed_ > carried_ * 16 + kChunkOverheadLimit)
    result.refusal = {400, "the chunked body is mostly framing"};
  return result;
}

}  // namespace slipway::http::internal
