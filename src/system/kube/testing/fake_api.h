// An API server that says what it is told to, over real sockets: for tests of what clients make of answers.
// It knows no rule of the real one; what a client asks is recorded, not checked.
//
//   FakeApi api;
//   api.will("GET /api/v1/namespaces/a/pods/x", {.body = R"({"metadata":{"name":"x"}})"});
//   Client client(api.access());
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "system/http/server.h"
#include "system/kube/kubeconfig.h"
#include "system/runtime/mutex.h"

namespace slipway::kube::testing {

struct Canned {
  enum class End {
    kWhole,   // `body` in one
    kFinish,  // `body` as a stream that is completed
    kAbort,   // … that breaks off
    kHold,    // … that stays open
  };
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  End end = End::kWhole;
};

struct Recorded {
  std::string method, target, body;
  std::map<std::string, std::string> headers;
};

class FakeApi {  // thread-safe
 public:
  enum class Transport { kPlain, kTls, kTlsWithClients };  // the last asks clients who they are
  explicit FakeApi(Transport transport = Transport::kPlain);
  ~FakeApi();

  Access access() const;  // without a token; with the CA of a certificate made just now
  // `what` is the method and the path, without the query. Answers are given in the order in which they were
  // put; without one the answer is a 404.
  void will(const std::string& what, Canned answer) SLIPWAY_EXCLUDES(mutex_);
  std::vector<Recorded> requests() const SLIPWAY_EXCLUDES(mutex_);
  std::vector<std::string> targets() const SLIPWAY_EXCLUDES(mutex_);
  // The certificates that clients showed, one handshake after the other.
  std::vector<std::string> clients() const SLIPWAY_EXCLUDES(mutex_);
  // Waits until so many requests have come.
  void await_requests(size_t count) SLIPWAY_EXCLUDES(mutex_);

 private:
  void answer(http::Exchange& exchange, std::string_view body) SLIPWAY_EXCLUDES(mutex_);
  http::ServerOptions listen(Transport transport);
  void ask_clients(ssl_ctx_st& context);
  Canned take(const std::string& what) SLIPWAY_REQUIRES(mutex_);

  mutable runtime::Mutex mutex_;
  runtime::CondVar asked_;
  std::map<std::string, std::deque<Canned>> answers_ SLIPWAY_GUARDED_BY(mutex_);
  std::vector<Recorded> requests_ SLIPWAY_GUARDED_BY(mutex_);
  std::vector<std::string> clients_ SLIPWAY_GUARDED_BY(mutex_);
  runtime::RealClock clock_;
  std::string ca_pem_;  // empty: plain HTTP
  http::Server server_;
};

// A Status object of that code and reason.
std::string status_json(int code, std::string_view reason, std::string_view message);

}  // namespace slipway::kube::testing
