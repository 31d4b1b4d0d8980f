#include "system/http/internal/client_tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace slipway::http::internal {
namespace {

std::string signer_text(const Expectation& expectation) {
  return expectation.ca_source.empty() ? "a CA that this machine trusts"
                                       : fmt::format("the CA that {} names", expectation.ca_source);
}

std::string explain(int error, X509* certificate, const Expectation& expectation) {
  const std::string what = "certificate of " + expectation.address;
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return fmt::format("{} is not signed by {}", what, signer_text(expectation));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("{} is for {}, not for {}", what, names_of(*certificate), expectation.host);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("{} expired on {}", what,
                         base::rfc3339(to_wall_time(*X509_get0_notAfter(certificate))));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("{} is valid from {} on; is the clock of this machine right?", what,
                         base::rfc3339(to_wall_time(*X509_get0_notBefore(certificate))));
    default:
      return fmt::format("{} is not to be trusted: {}", what, X509_verify_cert_error_string(error));
  }
}

// The certificate is gone when the handshake has failed, so it is judged here.
int on_verified(int ok, X509_STORE_CTX* context) {
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* expectation = static_cast<Expectation*>(SSL_get_app_data(ssl));
  X509* certificate = X509_STORE_CTX_get_current_cert(context);
  if (ok != 1 && expectation != nullptr && certificate != nullptr && expectation->fault.empty())
    expectation->fault = explain(X509_STORE_CTX_get_error(context), certificate, *expectation);
  return ok;
}

Status trust(SSL_CTX& context, const ClientOptions& options) {
  if (options.ca_pem.empty() && SSL_CTX_set_default_verify_paths(&context) != 1)
    return fail(Code::kUnavailable, "cannot read the CAs that this machine trusts: {}", openssl_reason());
  const std::string named = options.ca_pem + options.also_ca_pem;
  if (named.empty()) return ok();
  const auto certificates = read_certificates(named, fmt::format("the CA that {} names", options.ca_source));
  if (!certificates) return fail(certificates.error());
  X509_STORE* store = SSL_CTX_get_cert_store(&context);
  for (const Certificate& each : *certificates) X509_STORE_add_cert(store, each.get());
  // Whoever names a server's own certificate or an intermediate one trusts that, and not its issuer.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return ok();
}

}  // namespace

Result<SslContext> new_client_context(const ClientOptions& options) {
  SslContext context = new_context(Side::kClient);
  if (!context) return fail(Code::kInternal, "cannot start TLS: {}", openssl_reason());
  if (Status trusted = trust(*context, options); !trusted) return fail(trusted.error());
  if (!options.identity.empty())
    if (Status used = use_identity(*context, options.identity, "the client's"); !used)
      return fail(used.error());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, on_verified);
  SSL_CTX_set_alpn_protos(context.get(), kProtocols.data(), kProtocols.size());
  return context;
}

Result<std::unique_ptr<TlsStream>> new_client_stream(SSL_CTX& context, int fd, Expectation& expectation) {
  auto stream = TlsStream::make(context, fd, Side::kClient);
  if (!stream) return fail(Code::kExhausted, "no memory for a TLS connection");
  SSL& ssl = stream->ssl();
  SSL_set_app_data(&ssl, &expectation);
  X509_VERIFY_PARAM* parameters = SSL_get0_param(&ssl);
  const bool ip = is_ip_address(expectation.host);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool set =
      ip ? X509_VERIFY_PARAM_set1_ip_asc(parameters, expectation.host.c_str()) == 1
         : X509_VERIFY_PARAM_set1_host(parameters, expectation.host.c_str(), expectation.host.size()) == 1 &&
               SSL_set_tlsext_host_name(&ssl, expectation.host.c_str()) == 1;
  if (!set)
    return fail(Code::kInvalid, "{}: '{}' is not a host's name", expectation.address, expectation.host);
  return stream;
}

Error handshake_error(const TlsStream& stream, const Expectation& expectation) {
  if (!expectation.fault.empty()) return {Code::kDenied, expectation.fault};
  const std::string& reason = stream.reason();
  if (reason == "wrong version number" || reason == "packet length too long")
    return {Code::kInvalid,
            expectation.address + " does not speak TLS; does its address begin with http://?"};
  if (reason == "unexpected eof while reading" || reason.empty())
    return {Code::kUnavailable, expectation.address + " closed the connection during the TLS handshake"};
  return {Code::kUnavailable,
          fmt::format("the TLS handshake with {} failed: {}", expectation.address, reason)};
}

}  // namespace slipway::http::internal
