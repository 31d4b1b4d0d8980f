#include "system/http/testing/tls_peer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "system/http/internal/tls_stream.h"
#include "system/runtime/clock.h"

namespace slipway::http::testing {

using namespace std::chrono_literals;
using internal::Moved;

const Authority& test_authority() {
  static const Authority authority = *make_authority("test authority", runtime::RealClock().wall());
  return authority;
}

std::shared_ptr<const TlsServer> tls_for(std::vector<std::string> names) {
  return *TlsServer::make(*issue_certificate(test_authority(), names, runtime::RealClock().wall(), 1h));
}

struct TlsPeer::State {
  internal::SslContext context = internal::new_context(internal::Side::kClient);
  int fd = -1;
  std::unique_ptr<internal::TlsStream> stream;
};

TlsPeer::TlsPeer(const Address& address, std::string_view protocols) : state_(std::make_unique<State>()) {
  state_->fd = connect_to(address, 5000).value_or(-1);
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(state_->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  state_->stream = internal::TlsStream::make(*state_->context, state_->fd, internal::Side::kClient);
  if (!protocols.empty())
    SSL_set_alpn_protos(&ssl(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
  connected_ = state_->stream->shake_hands() == Moved::kSome;
}

TlsPeer::~TlsPeer() { ::close(state_->fd); }

ssl_st& TlsPeer::ssl() { return state_->stream->ssl(); }

void TlsPeer::send(std::string_view record) {
  size_t sent = 0;
  state_->stream->write(record, sent);
}

bool TlsPeer::receive_more() {
  std::array<char, 65536> bytes;
  size_t got = 0;
  const Moved moved = state_->stream->read(bytes, got);
  held_.append(bytes.data(), got);
  ended_orderly_ = moved == Moved::kEnd;
  return moved == Moved::kSome;
}

std::string TlsPeer::answer() {
  size_t end = 0;
  while ((end = held_.find("\r\n\r\n")) == std::string::npos)
    if (!receive_more()) return std::exchange(held_, "");
  end += 4;
  const size_t at = held_.find("content-length: ");
  const size_t length = at < end ? std::stoul(held_.substr(at + 16)) : 0;
  while (held_.size() < end + length && receive_more()) {
  }
  std::string answer = held_.substr(0, end + length);
  held_.erase(0, end + length);
  return answer;
}

std::string TlsPeer::rest() {
  while (receive_more()) {
  }
  return std::exchange(held_, "");
}

}  // namespace slipway::http::testing
