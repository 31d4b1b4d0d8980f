#include "system/http/tls.h"

#include <openssl/err.h>

#include <string_view>

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

Status use_identity(SSL_CTX& context, const TlsIdentity& identity) {
  auto chain = internal::read_certificates(identity.certificate_pem, "the server's certificate");
  if (!chain) return fail(chain.error());
  const auto key = internal::read_private_key(identity.private_key_pem, "the server's private key");
  if (!key) return fail(key.error());
  ERR_clear_error();
  if (SSL_CTX_use_certificate(&context, chain->front().get()) != 1)
    return fail(Code::kInvalid, "the server's certificate cannot be used: {}", internal::openssl_reason());
  if (X509_check_private_key(chain->front().get(), key->get()) != 1 ||
      SSL_CTX_use_PrivateKey(&context, key->get()) != 1)
    return fail(Code::kInvalid, "the server's private key does not belong to its certificate: {}",
                internal::openssl_reason());
  for (size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(&context, (*chain)[i].get()) != 1)
      return fail(Code::kInvalid, "certificate {} of the server's chain cannot be used: {}", i + 1,
                  internal::openssl_reason());
  return ok();
}

}  // namespace

Result<std::shared_ptr<const TlsServer>> TlsServer::make(const TlsIdentity& identity) {
  internal::SslContext context = internal::new_context(internal::Side::kServer);
  if (!context) return fail(Code::kInternal, "cannot start TLS: {}", internal::openssl_reason());
  // Resumption is by tickets, which cost the server no memory.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (Status used = use_identity(*context, identity); !used) return fail(used.error());
  return std::shared_ptr<const TlsServer>(new TlsServer(context.release()));
}

TlsServer::~TlsServer() { SSL_CTX_free(context_); }

}  // namespace slipway::http
