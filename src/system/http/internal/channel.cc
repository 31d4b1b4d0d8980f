#include "system/http/internal/channel.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "system/http/internal/client_tls.h"

namespace slipway::http::internal {
namespace {

// A peer that vanished says nothing: the kernel asks for a sign of life after half of the time, and then
// again and again. What was sent and is not acknowledged counts too. Best effort: a Unix socket has no peer
// that could vanish.
void notice_loss(int fd, int lost_after_ms) {
  const int on = 1;
  const int idle_seconds = std::max(lost_after_ms / 2'000, 1);
  const int between_seconds = std::max(lost_after_ms / 6'000, 1);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_seconds, sizeof between_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost_after_ms, sizeof lost_after_ms);
}

}  // namespace

Status Channel::open() {
  const auto fd = connect_to(url_.address, options_.timeout_ms, options_.reach);
  if (!fd) return fail(fd.error());
  ::fcntl(*fd, F_SETFL, ::fcntl(*fd, F_GETFL) | O_NONBLOCK);
  fd_ = *fd;
  if (options_.lost_after_ms > 0) notice_loss(fd_, options_.lost_after_ms);
  transport_ = Transport(fd_);
  {
    const runtime::MutexLock lock(mutex_);
    shared_fd_ = fd_;
  }
  Status opened = url_.tls ? start_tls() : ok();
  if (opened) opened = go_on();
  if (!opened) close();
  return opened;
}

Status Channel::start_tls() {
  if (!context_) {
    auto made = new_client_context(options_);
    if (!made) return fail(made.error());
    context_ = std::move(*made);
  }
  Expectation expectation{
      .address = url_.address.str(),
      .host = options_.server_name.empty() ? url_.address.host : options_.server_name,
      .ca_source = options_.ca_pem.empty() && options_.also_ca_pem.empty() ? "" : options_.ca_source};
  auto stream = new_client_stream(*context_, fd_, expectation);
  if (!stream) return fail(stream.error());
  transport_ = Transport(fd_, std::move(*stream));
  while (true) {
    const Moved moved = transport_.shake_hands();
    if (moved == Moved::kSome) break;
    if (moved == Moved::kEnd || moved == Moved::kBroken)
      return fail(handshake_error(*transport_.tls(), expectation));
    if (Status waited = wait(moved == Moved::kWaitsForBytes ? POLLIN : POLLOUT); !waited) return waited;
  }
  SSL_set_app_data(&transport_.tls()->ssl(), nullptr);  // it points to this frame
  return ok();
}

void Channel::close() {
  if (fd_ < 0) return;
  {
    const runtime::MutexLock lock(mutex_);
    shared_fd_ = -1;
  }
  transport_.end_writing();
  transport_ = Transport();
  ::close(std::exchange(fd_, -1));
}

void Channel::interrupt() {
  const runtime::MutexLock lock(mutex_);
  interrupted_.store(true, std::memory_order_release);
  if (shared_fd_ >= 0) ::shutdown(shared_fd_, SHUT_RDWR);
}

Status Channel::go_on() const {
  if (!interrupted_.load(std::memory_order_acquire)) return ok();
  return fail(Code::kUnavailable, "the exchange with {} was interrupted", url_.address.str());
}

Status Channel::wait(short events) {
  pollfd waiting{.fd = fd_, .events = events, .revents = 0};
  int ready = 0;
  do {
    if (Status goes = go_on(); !goes) return goes;
    ready = ::poll(&waiting, 1, timeout_ms_);
  } while (ready < 0 && errno == EINTR);
  if (ready > 0) return ok();
  if (ready == 0)
    return fail(Code::kTimeout, "{} did not answer within {} ms", url_.address.str(), timeout_ms_);
  return fail(Code::kUnavailable, "{}: {}", url_.address.str(), std::strerror(errno));
}

Result<size_t> Channel::receive(std::span<char> into) {
  while (true) {
    size_t got = 0;
    const Moved moved = transport_.receive(into, got);
    const int error = errno;
    if (moved == Moved::kSome) return got;
    if (const Status goes = go_on(); !goes) return fail(goes.error());
    if (moved == Moved::kEnd) return 0;
    if (moved == Moved::kBroken)
      return fail(Code::kUnavailable, "{}: {}", url_.address.str(),
                  transport_.is_tls() ? transport_.tls()->reason() : std::strerror(error));
    if (Status waited = wait(moved == Moved::kWaitsForBytes ? POLLIN : POLLOUT); !waited)
      return fail(waited.error());
  }
}

}  // namespace slipway::http::internal
