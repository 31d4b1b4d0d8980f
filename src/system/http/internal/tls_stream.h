// TLS over a non-blocking socket: what both sides of a connection have in common. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "system/http/internal/openssl.h"

namespace slipway::http::internal {

// What became of an attempt to move bytes without waiting.
enum class Moved : uint8_t {
  kSome,           // as many as it says
  kWaitsForBytes,  // none: the socket has to become readable
  kWaitsForRoom,   // none: the socket has to become writable
  kEnd,            // the peer said that it sends no more
  kBroken,         // the connection is of no use any more
};

enum class Side : uint8_t { kServer, kClient };

// As ALPN has it: each name behind its length.
constexpr std::array<unsigned char, 9> kProtocols{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

SslContext new_context(Side side);

class TlsStream {
 public:
  // Null when there is no memory. `fd` stays the caller's.
  static std::unique_ptr<TlsStream> make(SSL_CTX& context, int fd, Side side);

  Moved shake_hands();  // kSome: done
  Moved read(std::span<char> into, size_t& got);
  // After kWaitsForRoom the next call starts with the same bytes: part of them is encrypted already.
  Moved write(std::string_view bytes, size_t& sent);
  // Says that no more will be sent. kSome: done.
  Moved end_writing();
  // Bytes that were taken from the socket and not given out: no event will tell of them.
  bool holds_bytes() const { return holds_bytes_; }

  SSL& ssl() { return *ssl_; }
  const std::string& reason() const { return reason_; }  // after kBroken

 private:
  explicit TlsStream(Ssl ssl) : ssl_(std::move(ssl)) {}
  Moved outcome(int result);

  Ssl ssl_;
  bool holds_bytes_ = false, ended_ = false;
  bool broken_ = false, unreadable_ = false;  // a peer that resets while we write may have answered before
  std::string reason_;
};

}  // namespace slipway::http::internal
