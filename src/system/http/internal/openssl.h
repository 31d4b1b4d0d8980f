// What OpenSSL gives out, owned; its errors as text; PEM in, with limits.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "system/http/tls.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::http::internal {

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* owned) const {
    kFree(owned);
  }
};
template <class T, auto kFree>
using Owned = std::unique_ptr<T, Freed<kFree>>;

using Bio = Owned<BIO, BIO_free_all>;
using Certificate = Owned<X509, X509_free>;
using PrivateKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using SslContext = Owned<SSL_CTX, SSL_CTX_free>;
using Ssl = Owned<SSL, SSL_free>;

// Why the last call on this thread failed; leaves the thread's list of errors empty.
std::string openssl_reason();

// All certificates of a PEM text, at least one. `what` names the text in errors.
Result<std::vector<Certificate>> read_certificates(std::string_view pem, std::string_view what);
Result<PrivateKey> read_private_key(std::string_view pem, std::string_view what);
std::string to_pem(X509& certificate);
Result<std::string> to_pem(EVP_PKEY& key);

// The context's side is this from now on. kInvalid as check_identity() says.
Status use_identity(SSL_CTX& context, const TlsIdentity& identity, std::string_view whose);

// Certificates may end in the year 9999, which WallTime cannot say: its last moment then.
WallTime to_wall_time(const ASN1_TIME& time);

// Whether it is a number, and no name: 127.0.0.1, ::1.
bool is_ip_address(const std::string& host);
// "localhost, 127.0.0.1": what a certificate is for.
std::string names_of(X509& certificate);
bool covers(X509& certificate, const std::string& host);

}  // namespace slipway::http::internal
