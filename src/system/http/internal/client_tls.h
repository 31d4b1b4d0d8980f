// The client's side of TLS: whom it trusts, and what it says when it does not.
#pragma once

#include <memory>
#include <string>

#include "system/http/client.h"
#include "system/http/internal/tls_stream.h"

namespace slipway::http::internal {

Result<SslContext> new_client_context(const ClientOptions& options);

// What a handshake is held to. Outlives it.
struct Expectation {
  std::string address;     // for errors
  std::string host;        // what the certificate has to be for
  std::string ca_source;   // empty: the machine's own CAs
  std::string fault = "";  // why the certificate was refused
};

Result<std::unique_ptr<TlsStream>> new_client_stream(SSL_CTX& context, int fd, Expectation& expectation);
// Why the handshake failed, as people understand it.
Error handshake_error(const TlsStream& stream, const Expectation& expectation);

}  // namespace slipway::http::internal
