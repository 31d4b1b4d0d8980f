// An answer out of bytes: first the head, then the body in pieces. llhttp, wrapped for clients.
#pragma once

#include <llhttp.h>

#include <optional>
#include <span>
#include <string_view>

#include "system/http/client.h"

namespace slipway::http::internal {

class ResponseReader {
 public:
  ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  void begin(base::Method method);
  // Takes bytes until the head is complete; interim answers (1xx) are passed over. Gives how many were taken.
  size_t feed_head(std::string_view bytes);
  // Takes bytes of the body and gives what they carry, never more than they are: `into` is at least as large.
  struct Fed {
    size_t taken = 0, given = 0;
  };
  Fed feed_body(std::string_view bytes, std::span<char> into);
  void at_end();  // the peer sends no more: that completes an answer without a length

  bool heard() const { return heard_; }  // any byte of an answer
  bool has_head() const { return has_head_; }
  bool complete() const { return complete_; }
  bool keep_alive() const { return llhttp_should_keep_alive(&parser_) != 0; }
  // kTooLarge or kInvalid, to be said of an address: "… is too large".
  const std::optional<Error>& fault() const { return fault_; }
  Response take_head() { return std::move(response_); }

 private:
  static ResponseReader& self(llhttp_t* parser) { return *static_cast<ResponseReader*>(parser->data); }
  static int on_name(llhttp_t* parser, const char* at, size_t size);
  static int on_value(llhttp_t* parser, const char* at, size_t size);
  static int on_headers_complete(llhttp_t* parser);
  static int on_body(llhttp_t* parser, const char* at, size_t size);
  static int on_complete(llhttp_t* parser);
  size_t execute(std::string_view bytes);
  int count(size_t bytes);

  llhttp_t parser_;
  Response response_;
  bool heard_ = false, has_head_ = false, complete_ = false, interim_ = false, head_only_ = false;
  bool in_value_ = false;
  size_t head_bytes_ = 0;
  uint64_t taken_ = 0, carried_ = 0;  // of the body: on the wire, and without its framing
  std::span<char> into_;
  size_t given_ = 0;
  std::optional<Error> fault_;
};

}  // namespace slipway::http::internal
