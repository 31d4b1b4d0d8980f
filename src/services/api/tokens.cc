#include "services/api/tokens.h"

#include <array>
#include <optional>

#include "system/os/random.h"

namespace slipway::api {
namespace {

constexpr size_t kTokenLimit = 4096;
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::string> base64_decode(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t value = kBase64.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xFF);
  }
  return out;
}

bool starts_with_word(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i)
    if ((text[i] | 0x20) != lower[i]) return false;
  return text.size() > lower.size() && text[lower.size()] == ' ';
}

// The token that the header carries; nothing when it carries none that we understand.
std::optional<std::string> token_of(std::string_view header) {
  if (header.size() > kTokenLimit) return std::nullopt;
  if (starts_with_word(header, "bearer")) return std::string(header.substr(7));
  if (!starts_with_word(header, "basic")) return std::nullopt;
  const auto pair = base64_decode(header.substr(6));
  const size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return pair->substr(colon + 1);
}

// In a time that does not depend on where they differ.
bool same(const Digest& a, const Digest& b) {
  uint8_t difference = 0;
  for (size_t i = 0; i < a.bytes.size(); ++i)
    difference = static_cast<uint8_t>(difference | (a.bytes[i] ^ b.bytes[i]));
  return difference == 0;
}

}  // namespace

Verdict Tokens::check(const base::RequestHead& head, std::string_view permission) const {
  if (permission == "health.read") return {.actor = {"anonymous"}, .refusal = {}};
  const std::string_view header = head.find("authorization");
  if (header.empty())
    return {.actor = {},
            .refusal = {401, "Unauthorized: a bearer token is needed; `slipway kubeconfig` has it"}};
  const auto token = token_of(header);
  if (!token || !is(*token))
    return {.actor = {},
            .refusal = {401, "Unauthorized: the token is not this server's; `slipway kubeconfig` has it"}};
  return {.actor = {"admin"}, .refusal = {}};
}

bool Tokens::is(std::string_view token) const {
  return token.size() <= kTokenLimit && same(base::sha256(token), digest_);
}

std::string make_token() {
  std::array<uint8_t, 32> bytes{};
  os::random_bytes(bytes);
  std::string out;
  for (const uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace slipway::api
