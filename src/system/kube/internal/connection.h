// One connection to an API server: where it is, how it is trusted, and as whom every request is made.
// Opened at the first request. Threads: interrupt() from any; everything else from one at a time.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "system/http/client.h"
#include "system/kube/api_error.h"
#include "system/kube/credentials.h"
#include "system/kube/kubeconfig.h"
#include "system/kube/metrics.h"
#include "system/runtime/mutex.h"

namespace slipway::kube::internal {

class Connection {
 public:
  // `options` without what CredentialSource knows. `metrics` may be null, and outlives it.
  Connection(Access access, http::ClientOptions options, ApiMetrics* metrics);

  // An answer of 2xx, whole; everything else is an ApiError. Credentials that have changed are used from the
  // next request on, by another connection; what the server refuses is read again once.
  Reply<http::Response> ask(Verb verb, http::Request request);
  // The same, but the head only; the body is read() then: 0 when it is complete.
  Reply<http::Response> begin(Verb verb, http::Request request);
  Result<size_t> read(std::span<char> into);

  void interrupt() SLIPWAY_EXCLUDES(mutex_);

 private:
  enum class Body { kWhole, kStreamed };
  Reply<http::Response> talk(Verb verb, http::Request request, Body body);
  Result<http::Response> talk_counted(Verb verb, const http::Request& request, Body body);
  Result<http::Response> talk_once(const http::Request& request, Body body);
  Status make_ready(CredentialSource::Look look);
  Status open() SLIPWAY_EXCLUDES(mutex_);
  std::string read_refusal();

  const Access access_;
  const http::ClientOptions options_;
  const std::string user_agent_;
  ApiMetrics* const metrics_;
  CredentialSource credentials_;
  runtime::Mutex mutex_;  // for interrupt(), against open() replacing the client
  bool interrupted_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::unique_ptr<http::Client> client_;  // written under the mutex, by the one thread
};

}  // namespace slipway::kube::internal
