// A blocking HTTP/1.1 client, plain or over TLS: one connection, kept between requests. Whole answers with
// ask(), and with begin() and read() bodies that need not fit into memory, or that go on for hours.
//
// Threads: interrupt() from any; everything else from one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "system/http/address.h"
#include "system/http/tls.h"
#include "values/base/head.h"
#include "values/base/result.h"

namespace slipway::http {

struct ClientOptions {
  int timeout_ms = 30'000;  // for connecting, and for each wait for bytes; negative: no limit
  int body_timeout_ms = 0;  // for each wait for bytes of a body after begin(); 0: timeout_ms
  int lost_after_ms = 0;    // a peer of which nothing, not even an acknowledgement, came for about so long is
                            // gone; 0: not asked
  size_t body_limit = 256 << 20;  // of ask(): kTooLarge beyond
  std::string ca_pem;             // whose certificates are trusted; empty: whom this machine trusts
  std::string also_ca_pem;        // trusted besides these
  std::string ca_source = "the kubeconfig";  // what names the CA, for errors
  TlsIdentity identity;      // who we are, for servers that ask for a certificate; empty: we have none
  std::string server_name;   // whom the server's certificate has to be for; empty: the address's host
  std::string bearer_token;  // sent with each request, but over plain HTTP to this machine only: kDenied
  Reach reach = Reach::kAnywhere;
};

// A body that comes in pieces. `read` fills the span from its start and says how much it gave, at least one
// byte; it is asked for `size` bytes in all, at most 128 KiB at a time.
struct BodySource {
  uint64_t size = 0;
  std::function<Result<size_t>(std::span<char>)> read;
};

struct Request {
  base::Method method = base::Method::kGet;
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> headers;  // host and content-length are the client's
  std::string_view body;
  const BodySource* source = nullptr;  // instead of `body`, when there is one
};

struct Response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  std::string_view find(std::string_view lower_case_name) const;
};

// Where "http://HOST[:PORT][/PREFIX]", "https://…" or "unix:PATH" leads.
struct Url {
  Address address;
  std::string host;    // for the Host header
  std::string prefix;  // without a trailing slash
  bool tls = false;
};
Result<Url> parse_url(std::string_view text);

class Client {
 public:
  explicit Client(Url url, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The whole answer. kUnavailable: no connection, or it broke off. kDenied: the server's certificate is not
  // to be trusted. A kept connection that the server closed meanwhile is opened again once, if no byte of an
  // answer came, the body is not from a source, and it is no POST, which may have been done.
  Result<Response> ask(const Request& request);

  // The same, but the answer's head only: its body is read() then. An answer that comes before the request's
  // body is sent ends the sending. Whatever was left of the last answer is given up, with its connection.
  Result<Response> begin(const Request& request);
  // Some bytes of the body as soon as there are any; 0: it is complete. After kTimeout it may be called
  // again; after another error the rest is lost.
  Result<size_t> read(std::span<char> into);

  // Ends what waits now and all that comes later with kUnavailable: for whoever shuts down. Connecting itself
  // is not cut short.
  void interrupt();

 private:
  class Talk;
  std::unique_ptr<Talk> talk_;
};

}  // namespace slipway::http
