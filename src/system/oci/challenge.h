// What a registry asks for when it answers 401 (RFC 9110, the distribution specification's token flow). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "system/http/client.h"
#include "values/base/result.h"

namespace slipway::oci {

struct Challenge {
  enum class Scheme : uint8_t { kNone, kBasic, kBearer } scheme = Scheme::kNone;
  std::string realm, service, scope;  // of kBearer: where tokens are given, and for what
};

// The first that we can answer, Bearer before Basic, of the WWW-Authenticate headers of an answer. kNone:
// there is no such.
Challenge read_challenge(const http::Response& response);

// "https://auth.example.org/token?a=b" as whom to connect to, and what to ask there. kInvalid: no http(s)
// URL.
struct Place {
  http::Url url;  // without a prefix
  std::string target;
};
Result<Place> parse_place(std::string_view text);

// The token of a token server's answer, and how long it holds. kInvalid: there is none in it.
struct Token {
  std::string text;
  int seconds = 60;
};
Result<Token> read_token(std::string_view body);

// As a query has it: everything but letters, digits and -._~ becomes %XX.
std::string escape(std::string_view text);

}  // namespace slipway::oci
