// A connection's way to its peer: a non-blocking socket, or TLS over it. The socket stays the owner's.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "system/http/internal/tls_stream.h"

namespace slipway::http::internal {

class Transport {
 public:
  Transport() = default;
  explicit Transport(int fd, std::unique_ptr<TlsStream> tls = nullptr) : fd_(fd), tls_(std::move(tls)) {}

  bool is_tls() const { return tls_ != nullptr; }
  TlsStream* tls() { return tls_.get(); }
  void become_plain() { tls_ = nullptr; }

  // As TlsStream has them; over the socket alone there is no handshake and no word of the end.
  Moved shake_hands() { return tls_ ? tls_->shake_hands() : Moved::kSome; }
  Moved receive(std::span<char> into, size_t& got) {
    return tls_ ? tls_->read(into, got) : receive_plain(into, got);
  }
  Moved send(std::string_view bytes, size_t& sent) {
    return tls_ ? tls_->write(bytes, sent) : send_plain(bytes, sent);
  }
  Moved end_writing() { return tls_ ? tls_->end_writing() : Moved::kSome; }
  bool holds_bytes() const { return tls_ && tls_->holds_bytes(); }

 private:
  Moved receive_plain(std::span<char> into, size_t& got) const;
  Moved send_plain(std::string_view bytes, size_t& sent) const;

  int fd_ = -1;
  std::unique_ptr<TlsStream> tls_;
};

}  // namespace slipway::http::internal
