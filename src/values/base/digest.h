// A SHA-256 digest, and the hasher that makes one. Written `sha256:<64 lower-case hex digits>`, as OCI does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "values/base/result.h"

namespace slipway::base {

struct Digest {
  std::array<uint8_t, 32> bytes{};

  static Result<Digest> parse(std::string_view text);  // with the "sha256:" prefix
  std::string hex() const;                             // 64 digits, no prefix
  std::string str() const;                             // sha256:<hex>
  std::string short_hex() const;                       // the first 8 digits, as revision names have them

  auto operator<=>(const Digest&) const = default;
};

// Takes the bytes in pieces. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> piece);
  void update(std::string_view piece);
  Digest finish();  // ends the hasher; a second call is a BUG

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::string_view bytes);

}  // namespace slipway::base

namespace slipway {
using base::Digest;
}
