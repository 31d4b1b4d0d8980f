// Who somebody is in TLS, and what a server needs to speak it: checked once and shared by all its loops.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "values/base/result.h"

struct ssl_ctx_st;

namespace slipway::http {

struct TlsIdentity {
  std::string certificate_pem;  // the own one first, then what leads to the authority
  std::string private_key_pem;

  bool operator==(const TlsIdentity&) const = default;
  bool empty() const { return certificate_pem.empty() && private_key_pem.empty(); }
};

// kInvalid: not PEM, or a key that does not belong to the certificate. `whose` names both in errors: "the
// server's".
Status check_identity(const TlsIdentity& identity, std::string_view whose);

// TLS 1.2 and 1.3, HTTP/1.1 by ALPN, no renegotiation, no compression. Immutable after make(); any thread.
class TlsServer {
 public:
  // kInvalid: not PEM, or a key that does not belong to the certificate.
  static Result<std::shared_ptr<const TlsServer>> make(const TlsIdentity& identity);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  ssl_ctx_st& context() const { return *context_; }

 private:
  explicit TlsServer(ssl_ctx_st* context) : context_(context) {}

  ssl_ctx_st* context_;
};

}  // namespace slipway::http
