#include "system/http/tls.h"

#include "system/http/internal/openssl.h"
#include "system/http/internal/tls_stream.h"

namespace slipway::http {
namespace {

// A client that names protocols but not ours learns it in the handshake, not by bytes it cannot read.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  constexpr auto& kOurs = internal::kProtocols;  // what is chosen points into it
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, size, kOurs.data(), static_cast<unsigned>(kOurs.size()),
                                           offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

Status check_identity(const TlsIdentity& identity, std::string_view whose) {
  const internal::SslContext context = internal::new_context(internal::Side::kClient);
  if (!context) return fail(Code::kInternal, "cannot start TLS: {}", internal::openssl_reason());
  return internal::use_identity(*context, identity, whose);
}

Result<std::shared_ptr<const TlsServer>> TlsServer::make(const TlsIdentity& identity) {
  internal::SslContext context = internal::new_context(internal::Side::kServer);
  if (!context) return fail(Code::kInternal, "cannot start TLS: {}", internal::openssl_reason());
  // Resumption is by tickets, which cost the server no memory.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (Status used = internal::use_identity(*context, identity, "the server's"); !used)
    return fail(used.error());
  return std::shared_ptr<const TlsServer>(new TlsServer(context.release()));
}

TlsServer::~TlsServer() { SSL_CTX_free(context_); }

}  // namespace slipway::http
