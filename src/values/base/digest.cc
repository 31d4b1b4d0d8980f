#include "values/base/digest.h"

#include <openssl/evp.h>

#include "values/base/bug.h"

namespace slipway::base {
namespace {

constexpr std::string_view kPrefix = "sha256:";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;  // OCI knows only lower case
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const bool shaped = text.starts_with(kPrefix) && text.size() == kPrefix.size() + 64;
  if (!shaped) return fail(Code::kInvalid, "digest '{}' is not sha256:<64 hex digits>", text.substr(0, 80));
  text.remove_prefix(kPrefix.size());
  Digest digest;
  for (size_t i = 0; i < digest.bytes.size(); ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return fail(Code::kInvalid, "digest holds '{}', want lower-case hex", text.substr(2 * i, 2));
    digest.bytes[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return digest;
}

std::string Digest::hex() const {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(64);
  for (uint8_t b : bytes) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

std::string Digest::str() const { return std::string(kPrefix) + hex(); }

std::string Digest::short_hex() const { return hex().substr(0, 8); }

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1) BUG("OpenSSL has no SHA-256");
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> piece) {
  EVP_DigestUpdate(state_->context.get(), piece.data(), piece.size());
}

void Sha256::update(std::string_view piece) { update(std::as_bytes(std::span(piece.data(), piece.size()))); }

Digest Sha256::finish() {
  Digest digest;
  if (EVP_DigestFinal_ex(state_->context.get(), digest.bytes.data(), nullptr) != 1)
    BUG("a hasher was finished twice");
  return digest;
}

Digest sha256(std::string_view bytes) {
  Sha256 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace slipway::base
