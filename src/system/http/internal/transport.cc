#include "system/http/internal/transport.h"

#include <sys/socket.h>

#include <cerrno>

namespace slipway::http::internal {

Moved Transport::receive_plain(std::span<char> into, size_t& got) const {
  const ssize_t came = ::recv(fd_, into.data(), into.size(), 0);
  got = came > 0 ? static_cast<size_t>(came) : 0;
  if (came > 0) return Moved::kSome;
  if (came == 0) return Moved::kEnd;
  return errno == EAGAIN || errno == EINTR ? Moved::kWaitsForBytes : Moved::kBroken;
}

Moved Transport::send_plain(std::string_view bytes, size_t& sent) const {
  const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  sent = put > 0 ? static_cast<size_t>(put) : 0;
  if (put >= 0) return Moved::kSome;
  return errno == EAGAIN || errno == EINTR ? Moved::kWaitsForRoom : Moved::kBroken;
}

}  // namespace slipway::http::internal
