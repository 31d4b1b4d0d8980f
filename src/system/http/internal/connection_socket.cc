// A connection's way with its socket: events, sending, deadlines, the end.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "system/http/internal/connection.h"

namespace slipway::http::internal {

using namespace std::chrono_literals;

Status Connection::start() {
  events_ = EPOLLIN;
  deadline_in(context_.options.limits.idle_time);
  return context_.loop.add(fd_, events_, *this);
}

void Connection::on_ready(uint32_t events) {
  context_.bury();
  if (events & (EPOLLERR | EPOLLHUP)) return close();
  if (events & EPOLLOUT) flush();
  if ((events & EPOLLIN) && state_ != State::kClosed) read_input();
}

// False: the connection was closed.
bool Connection::send_now(std::string_view bytes, size_t& sent) {
  const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (put < 0 && errno != EAGAIN && errno != EINTR) return close(), false;
  sent = put < 0 ? 0 : static_cast<size_t>(put);
  context_.bytes_out.add(sent);
  return true;
}

void Connection::flush() {
  if (processing_ && out_.size() - out_sent_ < context_.options.limits.output_bytes && state_ == State::kHead)
    return;
  if (state_ == State::kClosed || out_.empty()) return;
  size_t sent = 0;
  if (!send_now(std::string_view(out_).substr(out_sent_), sent)) return;
  out_sent_ += sent;
  if (out_sent_ < out_.size()) {
    if (sent > 0 || !(events_ & EPOLLOUT)) deadline_in(context_.options.limits.write_time);
    return wait_for(events_ | EPOLLOUT);
  }
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > 2 * context_.options.limits.output_bytes) out_.shrink_to_fit();
  if (!(events_ & EPOLLOUT)) return;
  wait_for(events_ & ~static_cast<uint32_t>(EPOLLOUT));
  if (state_ == State::kLingering) return linger();
  if (writable_then_) {
    exchange_->drained();
    std::exchange(writable_then_, nullptr)(*exchange_);
  }
  if (state_ == State::kHead) process();
}

void Connection::wait_for(uint32_t events) {
  if (events == events_ || state_ == State::kClosed) return;
  events_ = events;
  context_.loop.change(fd_, events, *this);
}

void Connection::deadline_in(Duration time) {
  deadline_ = context_.loop.now() + time;
  if (deadline_ >= armed_for_ && timer_.armed()) return;  // it will look again when it fires
  armed_for_ = deadline_;
  timer_.arm(deadline_);
}

void Connection::on_time() {
  const TimePoint now = context_.loop.now();
  if (now < deadline_) {
    armed_for_ = deadline_;
    return timer_.arm(deadline_);
  }
  if (!out_.empty()) return close();  // no progress in writing
  switch (state_) {
    case State::kHead:
      if (available() == 0) return close();
      return refuse({408, "the head did not arrive in time"});
    case State::kExchange: {
      if (!whole_then_ && !piece_then_) return;  // the handler's time
      const auto seconds = static_cast<uint64_t>((now - body_started_) / 1s) + 1;
      if (body_received_ / seconds >= context_.options.limits.body_bytes_per_second) return deadline_in(1s);
      return fail_body({Code::kTimeout, "the body arrived too slowly"});
    }
    case State::kDraining:
    case State::kLingering:
      return close();
    case State::kClosed:
      return;
  }
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  const State was = std::exchange(state_, State::kClosed);
  timer_.disarm();
  context_.loop.remove(fd_, *this);
  ::close(fd_);
  if (was == State::kExchange && exchange_) {
    if (whole_then_) give_whole(fail(Code::kUnavailable, "the peer went away"));
    if (piece_then_) give_piece(fail(Code::kUnavailable, "the peer went away"));
    exchange_->cancel();
    if (writable_then_) std::exchange(writable_then_, nullptr)(*exchange_);
    // A handler on another thread may still read what the request's views point to.
    if (exchange_.use_count() > 1)
      exchange_->keep(std::move(block_), std::move(body_), parser_.take_headers());
  }
  context_.give_block(std::move(block_));
  context_.remove(*this);
}

}  // namespace slipway::http::internal
