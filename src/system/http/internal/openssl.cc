#include "system/http/internal/openssl.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace slipway::http::internal {
namespace {

constexpr size_t kPemLimit = 1 << 20;
constexpr size_t kCertificateLimit = 1000;

Result<Bio> open_pem(std::string_view pem, std::string_view what) {
  if (pem.size() > kPemLimit)
    return fail(Code::kTooLarge, "{} has {} bytes, at most {} are read", what, pem.size(), kPemLimit);
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Without it OpenSSL asks on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

std::string text_of(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS)
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name.d.dNSName)),
            static_cast<size_t>(ASN1_STRING_length(name.d.dNSName))};
  if (name.type != GEN_IPADD) return {};
  const int size = ASN1_STRING_length(name.d.iPAddress);
  if (size != 4 && size != 16) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name.d.iPAddress), text.data(),
              text.size());
  return text.data();
}

}  // namespace

std::string openssl_reason() {
  std::string text = "unknown reason";
  while (const unsigned long error = ERR_get_error())
    if (const char* reason = ERR_reason_error_string(error)) text = reason;
  return text;
}

Result<std::vector<Certificate>> read_certificates(std::string_view pem, std::string_view what) {
  ERR_clear_error();
  const auto bio = open_pem(pem, what);
  if (!bio) return fail(bio.error());
  std::vector<Certificate> found;
  while (found.size() < kCertificateLimit) {
    Certificate next(PEM_read_bio_X509(bio->get(), nullptr, no_passphrase, nullptr));
    if (!next) break;
    found.push_back(std::move(next));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end || found.empty())
    return fail(Code::kInvalid, "{} is not a certificate in PEM form: {}", what, openssl_reason());
  ERR_clear_error();
  return found;
}

Result<PrivateKey> read_private_key(std::string_view pem, std::string_view what) {
  ERR_clear_error();
  const auto bio = open_pem(pem, what);
  if (!bio) return fail(bio.error());
  PrivateKey key(PEM_read_bio_PrivateKey(bio->get(), nullptr, no_passphrase, nullptr));
  if (!key)
    return fail(Code::kInvalid, "{} is not a private key in PEM form without a passphrase: {}", what,
                openssl_reason());
  return key;
}

namespace {

std::string content_of(BIO& bio) {
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(&bio, &bytes);
  return {bytes, static_cast<size_t>(size)};
}

}  // namespace

std::string to_pem(X509& certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), &certificate);
  return content_of(*bio);
}

Result<std::string> to_pem(EVP_PKEY& key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fail(Code::kInternal, "cannot write a private key: {}", openssl_reason());
  return content_of(*bio);
}

Status use_identity(SSL_CTX& context, const TlsIdentity& identity, std::string_view whose) {
  auto chain = read_certificates(identity.certificate_pem, fmt::format("{} certificate", whose));
  if (!chain) return fail(chain.error());
  const auto key = read_private_key(identity.private_key_pem, fmt::format("{} private key", whose));
  if (!key) return fail(key.error());
  ERR_clear_error();
  if (SSL_CTX_use_certificate(&context, chain->front().get()) != 1)
    return fail(Code::kInvalid, "{} certificate cannot be used: {}", whose, openssl_reason());
  if (X509_check_private_key(chain->front().get(), key->get()) != 1 ||
      SSL_CTX_use_PrivateKey(&context, key->get()) != 1)
    return fail(Code::kInvalid, "{} private key does not belong to its certificate: {}", whose,
                openssl_reason());
  for (size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(&context, (*chain)[i].get()) != 1)
      return fail(Code::kInvalid, "certificate {} of {} chain cannot be used: {}", i + 1, whose,
                  openssl_reason());
  return ok();
}

WallTime to_wall_time(const ASN1_TIME& time) {
  tm parts{};
  if (ASN1_TIME_to_tm(&time, &parts) != 1) return WallTime{};
  const std::chrono::seconds since_1970{::timegm(&parts)};
  constexpr auto kLast = std::chrono::floor<std::chrono::seconds>(WallTime::max().time_since_epoch());
  return since_1970 >= kLast ? WallTime::max() : WallTime{since_1970};
}

bool is_ip_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string names_of(X509& certificate) {
  constexpr int kShown = 10;
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  std::string text;
  for (int i = 0; i < std::min(count, kShown); ++i) {
    const std::string name = text_of(*sk_GENERAL_NAME_value(names.get(), i));
    // It is shown to people, and a stranger wrote it.
    if (name.empty() || !std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7F; })) continue;
    text += (text.empty() ? "" : ", ") + name;
  }
  if (count > kShown) text += fmt::format(" and {} more", count - kShown);
  return text.empty() ? "nobody" : text;
}

bool covers(X509& certificate, const std::string& host) {
  if (is_ip_address(host)) return X509_check_ip_asc(&certificate, host.c_str(), 0) == 1;
  return X509_check_host(&certificate, host.data(), host.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                         nullptr) == 1;
}

}  // namespace slipway::http::internal
