// An authority for tests, what it issues, and a TLS peer that sends exactly the records it is told.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "system/http/address.h"
#include "system/http/certificates.h"
#include "system/http/tls.h"

struct ssl_st;

namespace slipway::http::testing {

const Authority& test_authority();
// Of the test authority, valid now, for an hour.
std::shared_ptr<const TlsServer> tls_for(std::vector<std::string> names = {"127.0.0.1", "localhost"});

// Blocks, for five seconds at most each time. Trusts everybody.
class TlsPeer {
 public:
  // `protocols` as ALPN has them; empty: none is offered.
  explicit TlsPeer(const Address& address, std::string_view protocols = "");
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  bool connected() const { return connected_; }  // the handshake was completed
  void send(std::string_view record);            // of at most 16 KiB
  std::string answer();                          // one, with a body of its content-length
  std::string rest();                            // until the peer ends
  bool ended_orderly() const { return ended_orderly_; }
  ssl_st& ssl();

 private:
  struct State;
  bool receive_more();

  std::unique_ptr<State> state_;
  bool connected_ = false, ended_orderly_ = false;
  std::string held_;
};

}  // namespace slipway::http::testing
