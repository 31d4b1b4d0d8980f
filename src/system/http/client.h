// A small blocking HTTP/1.1 client for the command line and tests: one connection, kept between requests. One
// thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "system/http/address.h"
#include "values/base/head.h"
#include "values/base/result.h"

namespace slipway::http {

struct ClientOptions {
  int timeout_ms = 30'000;        // for connecting, and for each wait for bytes
  size_t body_limit = 256 << 20;  // kTooLarge beyond
};

struct Request {
  base::Method method = base::Method::kGet;
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> headers;  // host and content-length are the client's
  std::string_view body;
};

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  std::string_view find(std::string_view lower_case_name) const;
};

// Where "http://HOST[:PORT][/PREFIX]" or "unix:PATH" leads. kUnsupported for https.
struct Url {
  Address address;
  std::string host;    // for the Host header
  std::string prefix;  // without a trailing slash
};
Result<Url> parse_url(std::string_view text);

class Client {
 public:
  explicit Client(Url url, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // kUnavailable: no connection, or it broke off. A kept connection that the server closed meanwhile is
  // opened again once.
  Result<Response> ask(const Request& request);

 private:
  Result<Response> ask_once(const std::string& bytes, base::Method method);
  Result<Response> read_response(base::Method method);
  void close();

  Url url_;
  ClientOptions options_;
  int fd_ = -1;
};

}  // namespace slipway::http
