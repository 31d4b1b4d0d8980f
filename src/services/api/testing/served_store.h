// The API over a store in memory, on a port of its own: for tests of clients, and of the API itself.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "adapters/local/local.h"
#include "services/api/api.h"
#include "services/api/tokens.h"
#include "system/http/server.h"
#include "system/kube/kubeconfig.h"

namespace slipway::api::testing {

inline const std::string kToken = "a-token-of-tests";

struct ServedOptions {
  size_t history = 4096;
  std::shared_ptr<const http::TlsServer> tls;  // null: plain HTTP
  const runtime::Clock* clock = nullptr;       // the API's; null: the real one
  Options api{.version = "0.0.0"};
};

class ServedStore {
 public:
  explicit ServedStore(const ServedOptions& options = {})
      : clock_(options.clock != nullptr ? *options.clock : real_),
        store_(
            std::move(*local::Local::open({.path = "", .history = options.history, .make_uid = {}}, clock_))),
        api_(options.api, *store_, executor_, clock_,
             [this](const base::RequestHead& head, std::string_view permission) {
               return tokens_.check(head, permission);
             }),
        server_(
            {.address = *http::parse_address("127.0.0.1:0"), .tls = options.tls},
            [this](http::Exchange& exchange) { api_.handle(exchange); }, real_) {
    EXPECT_TRUE(server_.start());
  }
  ~ServedStore() {
    api_.stop();
    executor_.stop();
    server_.stop();
  }
  ServedStore(const ServedStore&) = delete;
  ServedStore& operator=(const ServedStore&) = delete;

  const http::Address& address() const { return server_.address(); }
  // Over TLS; `ca_pem` is who issued the certificate.
  kube::Access access(std::string ca_pem, std::string token = kToken) const {
    return {.server = "https://" + address().str(), .ca_pem = std::move(ca_pem), .token = std::move(token)};
  }
  store::Store& store() { return *store_; }
  Api& api() { return api_; }

 private:
  const runtime::RealClock real_;
  const runtime::Clock& clock_;
  const std::unique_ptr<local::Local> store_;
  runtime::Executor executor_{{.name = "writer", .threads = 4}};
  const Tokens tokens_{base::sha256(kToken)};
  Api api_;
  http::Server server_;
};

}  // namespace slipway::api::testing
