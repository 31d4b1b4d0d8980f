#include "system/http/certificates.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "system/http/internal/openssl.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using internal::Certificate;
using internal::openssl_reason;
using internal::PrivateKey;

constexpr Duration kBackdated = 5min;
constexpr Duration kAuthorityLife = std::chrono::days(3652);
constexpr Duration kLongestLife = std::chrono::days(398);
constexpr size_t kNames = 100;
constexpr size_t kCommonNameLimit = 64;  // X.520's upper bound

tl::unexpected<Error> failed(std::string_view what) {
  return fail(Code::kInternal, "cannot make a certificate: {}: {}", what, openssl_reason());
}

// An authority, read from its PEM.
struct Signer {
  Certificate certificate;
  PrivateKey key;
};

Result<Signer> read_signer(const Authority& authority) {
  auto certificates = internal::read_certificates(authority.certificate_pem, "the authority's certificate");
  if (!certificates) return fail(certificates.error());
  auto key = internal::read_private_key(authority.private_key_pem, "the authority's private key");
  if (!key) return fail(key.error());
  Signer signer{.certificate = std::move(certificates->front()), .key = std::move(*key)};
  if (X509_check_private_key(signer.certificate.get(), signer.key.get()) != 1)
    return fail(Code::kInvalid, "the authority's private key does not belong to its certificate");
  return signer;
}

Status set_serial(X509& certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return failed("no random bytes");
  bytes[0] |= 1;  // never zero
  const internal::Owned<BIGNUM, BN_free> number(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
  if (!number || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) == nullptr)
    return failed("serial number");
  return ok();
}

bool set_time(ASN1_TIME* field, WallTime time) {
  return ASN1_TIME_set(field, std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count()) !=
         nullptr;
}

struct Validity {
  WallTime from, to;
};

// Everything but names, extensions and the signature.
Result<Certificate> begin_certificate(EVP_PKEY& key, Validity validity) {
  Certificate made(X509_new());
  if (!made || X509_set_version(made.get(), X509_VERSION_3) != 1) return failed("version");
  if (Status set = set_serial(*made); !set) return fail(set.error());
  if (!set_time(X509_getm_notBefore(made.get()), validity.from) ||
      !set_time(X509_getm_notAfter(made.get()), validity.to))
    return failed("dates");
  if (X509_set_pubkey(made.get(), &key) != 1) return failed("public key");
  return made;
}

Status set_common_name(X509& certificate, std::string_view name) {
  X509_NAME* subject = X509_get_subject_name(&certificate);
  const auto* bytes = reinterpret_cast<const unsigned char*>(name.data());
  if (X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, bytes, static_cast<int>(name.size()),
                                 -1, 0) != 1)
    return failed("common name");
  return ok();
}

struct Extension {
  int id;
  const char* value;  // as openssl.cnf writes it
};

Status add_extensions(X509& certificate, X509& issuer, std::span<const Extension> extensions) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  for (const Extension& each : extensions) {
    const internal::Owned<X509_EXTENSION, X509_EXTENSION_free> made(
        X509V3_EXT_conf_nid(nullptr, &context, each.id, each.value));
    if (!made || X509_add_ext(&certificate, made.get(), -1) != 1) return failed(each.value);
  }
  return ok();
}

bool is_dns_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > 253 || name.front() == '.' || name.back() == '.') return false;
  if (name.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

// Built by hand: in openssl.cnf's language a comma in a name would begin another name.
GENERAL_NAME* make_name(const std::string& name) {
  internal::Owned<GENERAL_NAME, GENERAL_NAME_free> made(GENERAL_NAME_new());
  const bool ip = internal::is_ip_address(name);
  ASN1_STRING* value = ip ? a2i_IPADDRESS(name.c_str()) : ASN1_IA5STRING_new();
  if (!made || value == nullptr) return ASN1_STRING_free(value), nullptr;
  if (!ip && ASN1_STRING_set(value, name.data(), static_cast<int>(name.size())) != 1)
    return ASN1_STRING_free(value), nullptr;
  GENERAL_NAME_set0_value(made.get(), ip ? GEN_IPADD : GEN_DNS, value);
  return made.release();
}

Status add_names(X509& certificate, std::span<const std::string> names) {
  const internal::Owned<GENERAL_NAMES, GENERAL_NAMES_free> list(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    GENERAL_NAME* made = make_name(name);
    if (made != nullptr && sk_GENERAL_NAME_push(list.get(), made) > 0) continue;
    GENERAL_NAME_free(made);
    return failed(name);
  }
  // RFC 5280, 4.2.1.6: critical when the subject is empty, which it is when no name fits there.
  const int critical = X509_NAME_entry_count(X509_get_subject_name(&certificate)) == 0 ? 1 : 0;
  if (X509_add1_ext_i2d(&certificate, NID_subject_alt_name, list.get(), critical, X509V3_ADD_DEFAULT) != 1)
    return failed("names");
  return ok();
}

Status check_names(std::span<const std::string> names) {
  if (names.empty() || names.size() > kNames)
    return fail(Code::kInvalid, "a certificate is for 1 to {} names, not for {}", kNames, names.size());
  for (const std::string& name : names)
    if (!internal::is_ip_address(name) && !is_dns_name(name))
      return fail(Code::kInvalid, "'{}' is neither a host's name nor an IP address", name);
  return ok();
}

Status sign(X509& certificate, EVP_PKEY& key) {
  if (X509_sign(&certificate, &key, EVP_sha256()) == 0) return failed("signature");
  return ok();
}

// What makes it a server's, and the authority's signature.
Status complete(X509& certificate, const Signer& signer, std::span<const std::string> names) {
  constexpr Extension kExtensions[] = {{NID_basic_constraints, "critical,CA:FALSE"},
                                       {NID_key_usage, "critical,digitalSignature"},
                                       {NID_ext_key_usage, "serverAuth"},
                                       {NID_subject_key_identifier, "hash"},
                                       {NID_authority_key_identifier, "keyid:always"}};
  if (Status added = add_extensions(certificate, *signer.certificate, kExtensions); !added) return added;
  if (Status added = add_names(certificate, names); !added) return added;
  return sign(certificate, *signer.key);
}

}  // namespace

Result<Authority> make_authority(std::string_view common_name, WallTime now) {
  if (common_name.empty() || common_name.size() > kCommonNameLimit)
    return fail(Code::kInvalid, "an authority's name has 1 to {} bytes, not {}", kCommonNameLimit,
                common_name.size());
  ERR_clear_error();
  const PrivateKey key(EVP_EC_gen("P-256"));
  if (!key) return failed("key");
  auto made = begin_certificate(*key, {.from = now - kBackdated, .to = now + kAuthorityLife});
  if (!made) return fail(made.error());
  X509& certificate = **made;
  if (Status named = set_common_name(certificate, common_name); !named) return fail(named.error());
  X509_set_issuer_name(&certificate, X509_get_subject_name(&certificate));
  constexpr Extension kExtensions[] = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                       {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                       {NID_subject_key_identifier, "hash"}};
  if (Status added = add_extensions(certificate, certificate, kExtensions); !added)
    return fail(added.error());
  if (Status signed_now = sign(certificate, *key); !signed_now) return fail(signed_now.error());
  auto key_pem = internal::to_pem(*key);
  if (!key_pem) return fail(key_pem.error());
  return Authority{.certificate_pem = internal::to_pem(certificate), .private_key_pem = std::move(*key_pem)};
}

Result<TlsIdentity> issue_certificate(const Authority& authority, std::span<const std::string> names,
                                      WallTime now, Duration valid_for) {
  if (Status checked = check_names(names); !checked) return fail(checked.error());
  if (valid_for <= Duration{0} || valid_for > kLongestLife)
    return fail(Code::kInvalid, "a server's certificate is valid for up to 398 days, not for {} hours",
                valid_for / 1h);
  const auto signer = read_signer(authority);
  if (!signer) return fail(signer.error());
  const WallTime authority_ends = internal::to_wall_time(*X509_get0_notAfter(signer->certificate.get()));
  if (authority_ends <= now)
    return fail(Code::kInvalid, "the authority ended on {}; make a new one", base::rfc3339(authority_ends));
  const PrivateKey key(EVP_EC_gen("P-256"));
  if (!key) return failed("key");
  auto made = begin_certificate(
      *key, {.from = now - kBackdated, .to = std::min<WallTime>(now + valid_for, authority_ends)});
  if (!made) return fail(made.error());
  X509& certificate = **made;
  X509_set_issuer_name(&certificate, X509_get_subject_name(signer->certificate.get()));
  if (names.front().size() <= kCommonNameLimit)
    if (Status named = set_common_name(certificate, names.front()); !named) return fail(named.error());
  if (Status done = complete(certificate, *signer, names); !done) return fail(done.error());
  auto key_pem = internal::to_pem(*key);
  if (!key_pem) return fail(key_pem.error());
  return TlsIdentity{.certificate_pem = internal::to_pem(certificate),
                     .private_key_pem = std::move(*key_pem)};
}

Result<WallTime> expires(std::string_view certificate_pem) {
  const auto certificates = internal::read_certificates(certificate_pem, "the certificate");
  if (!certificates) return fail(certificates.error());
  return internal::to_wall_time(*X509_get0_notAfter(certificates->front().get()));
}

Status check_certificate(std::string_view certificate_pem, std::string_view authority_pem,
                         std::span<const std::string> names) {
  const auto certificates = internal::read_certificates(certificate_pem, "the certificate");
  if (!certificates) return fail(certificates.error());
  const auto authorities = internal::read_certificates(authority_pem, "the authority's certificate");
  if (!authorities) return fail(authorities.error());
  X509& certificate = *certificates->front();
  X509& authority = *authorities->front();
  const bool issued = X509_check_issued(&authority, &certificate) == X509_V_OK &&
                      X509_verify(&certificate, X509_get0_pubkey(&authority)) == 1;
  ERR_clear_error();
  if (!issued) return fail(Code::kInvalid, "the certificate was not issued by this authority");
  for (const std::string& name : names)
    if (!internal::covers(certificate, name))
      return fail(Code::kInvalid, "the certificate is for {}, not for {}", internal::names_of(certificate),
                  name);
  return ok();
}

}  // namespace slipway::http
