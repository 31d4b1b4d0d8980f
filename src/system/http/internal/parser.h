// llhttp, wrapped: a whole head in place, and the pieces of a chunked body.
#pragma once

#include <llhttp.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "system/http/internal/framing.h"
#include "values/base/head.h"

namespace slipway::http::internal {

struct HeadLimits {
  size_t headers = 100;
  size_t target_bytes = 8192;
};

class Parser {
 public:
  enum class Of : uint8_t { kRequests, kAnswers };
  explicit Parser(Of of = Of::kRequests);
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // `head` ends with the empty line. Header names are made lower-case in place; the views point into it.
  // Headers whose names have an underscore are dropped: to many programs '-' and '_' are the same, and one
  // could pass for the other.
  Refusal parse_head(std::span<char> head, const HeadLimits& limits);

  // The same for an answer.
  Refusal parse_answer(std::span<char> head, size_t headers);
  int status() const { return parser_.status_code; }
  bool is_chunked() const { return (parser_.flags & F_CHUNKED) != 0; }
  std::optional<uint64_t> content_length() const {
    return (parser_.flags & F_CONTENT_LENGTH) != 0 ? std::optional(parser_.content_length) : std::nullopt;
  }

  base::Method method() const;
  std::string_view target() const { return target_; }
  std::span<const base::Header> headers() const { return headers_; }
  std::vector<base::Header> take_headers() { return std::move(headers_); }
  Version version() const { return {parser_.http_major, parser_.http_minor}; }
  bool keep_alive() const { return llhttp_should_keep_alive(&parser_) != 0; }
  bool upgrade() const { return parser_.upgrade != 0; }

  // After a head that says chunked: takes bytes of the body, appends what they carry to `out`. Trailers are
  // dropped.
  struct Chunked {
    size_t consumed = 0;
    bool done = false;
    Refusal refusal;
  };
  Chunked feed_chunked(std::string_view bytes, std::string& out);

 private:
  llhttp_errno_t execute_head(std::span<char> head, const HeadLimits& limits);
  static int on_target(llhttp_t* parser, const char* at, size_t length);
  static int on_name(llhttp_t* parser, const char* at, size_t length);
  static int on_value(llhttp_t* parser, const char* at, size_t length);
  static int on_headers_complete(llhttp_t* parser);
  static int on_body(llhttp_t* parser, const char* at, size_t length);
  static int on_message_complete(llhttp_t* parser);
  static Parser& self(llhttp_t* parser) { return *static_cast<Parser*>(parser->data); }

  llhttp_t parser_;
  std::string_view target_;
  std::vector<base::Header> headers_;
  HeadLimits limits_;
  bool too_many_headers_ = false;
  std::string* body_ = nullptr;
  uint64_t consumed_ = 0, carried_ = 0;  // of a chunked body: on the wire, and without its framing
  bool in_body_ = false;
};

}  // namespace slipway::http::internal
