// The HTTP of one registry: answers what it asks for with a 401, follows where it redirects to. What is
// secret goes to the registry, and to the token server that it names, alone. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "system/http/client.h"
#include "system/oci/challenge.h"
#include "system/oci/client.h"

namespace slipway::oci::internal {

// What a registry says is wrong, in its own words. Codes by status; kInvalid for what no other is for.
Error refused(const http::Response& response, std::string_view doing);

class Session {
 public:
  Session(http::Url url, http::ClientOptions http, Access access);

  // As http::Client has them. A request with a body from a source that met a 401 is kUnavailable when it may
  // succeed now: its source has to begin anew.
  Result<http::Response> ask(const http::Request& request);
  Result<http::Response> begin(const http::Request& request);
  Result<size_t> read(std::span<char> into) { return reader_->read(into); }

  // The path of a Location below our prefix.
  std::string target_of(std::string_view location) const;
  // How long the last answer wants us to wait before the next request; 0: it does not say.
  Duration retry_after() const { return retry_after_; }
  const http::Url& url() const { return url_; }

 private:
  Result<http::Response> begin_here(const http::Request& request);
  Result<http::Response> follow(const http::Response& response, const http::Request& request);
  http::Request dressed(const http::Request& request) const;
  http::ClientOptions for_stranger(const http::Url& url) const;
  Status may_go(const http::Url& url, std::string_view as) const;
  bool is_here(const http::Url& url) const { return url.address == url_.address && url.tls == url_.tls; }
  // Whether another try is worth it: there is something new to say.
  Result<bool> answer(const Challenge& challenge);
  Result<Token> fetch_token(const Challenge& challenge) const;

  const http::Url url_;
  const http::ClientOptions http_;
  const Access access_;
  http::Client client_;
  std::unique_ptr<http::Client> elsewhere_;  // where the last redirect led
  http::Client* reader_ = &client_;          // whose answer is being read
  std::string authorization_;                // sent with each request to the registry; may be empty
  Duration retry_after_{};
};

}  // namespace slipway::oci::internal
