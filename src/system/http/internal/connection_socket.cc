// A connection's way with its socket: events, sending, deadlines, the end.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "system/http/internal/connection.h"

namespace slipway::http::internal {

using namespace std::chrono_literals;

constexpr int kReadsTogether = 16;  // before other connections get their turn

Status Connection::start() {
  events_ = EPOLLIN;
  const TlsServer* tls = context_.options.tls.get();
  if (tls == nullptr) {
    deadline_in(context_.options.limits.idle_time);
    return context_.loop.add(fd_, events_, *this);
  }
  auto stream = TlsStream::make(tls->context(), fd_, Side::kServer);
  if (!stream) return fail(Code::kExhausted, "no memory for another TLS connection");
  transport_ = Transport(fd_, std::move(stream));
  state_ = State::kHandshake;
  deadline_in(context_.options.limits.header_time);
  return context_.loop.add(fd_, events_, *this);
}

void Connection::on_ready(uint32_t events) {
  context_.bury();
  if (events & (EPOLLERR | EPOLLHUP)) return close();
  if (state_ == State::kHandshake) return shake_hands();
  const bool reads = (events & EPOLLIN) || ((events & EPOLLOUT) && reading_waits_for_room_);
  if (events & EPOLLOUT) made_room();
  if (reads && state_ != State::kClosed) read_on();
}

// No TLS begins with a letter, and every request does.
bool Connection::speaks_plainly() const {
  char first = 0;
  return ::recv(fd_, &first, 1, MSG_PEEK) == 1 && first >= 'A' && first <= 'Z';
}

void Connection::shake_hands() {
  if (!std::exchange(heard_, true) && speaks_plainly()) {
    transport_.become_plain();
    return refuse({400, "this address speaks HTTPS; use https://"});
  }
  switch (transport_.shake_hands()) {
    case Moved::kSome:
      state_ = State::kHead;
      wait_for(EPOLLIN);
      wait_for_a_request();
      return read_on();  // the first request may have come together with the handshake's end
    case Moved::kWaitsForBytes:
      return wait_for(EPOLLIN);
    case Moved::kWaitsForRoom:
      return wait_for(EPOLLOUT);
    case Moved::kEnd:
    case Moved::kBroken:
      context_.refused.add(1);
      return close();
  }
}

void Connection::made_room() {
  reading_waits_for_room_ = false;
  if (!out_.empty()) return flush();
  wait_for(events_ & ~static_cast<uint32_t>(EPOLLOUT));
  if (state_ == State::kLingering) linger();
}

void Connection::read_on() {
  for (int i = 0; i < kReadsTogether; ++i) {
    read_input();
    if (state_ == State::kClosed || !(events_ & EPOLLIN) || !transport_.holds_bytes()) return;
  }
  read_later();
}

void Connection::read_later() {
  if (std::exchange(reading_later_, true)) return;
  context_.loop.post([&context = context_, this] {
    // Another connection may live at this address by now; it has nothing to read later.
    if (!context.connections.contains(this) || !std::exchange(reading_later_, false)) return;
    if ((events_ & EPOLLIN) && transport_.holds_bytes()) read_on();
  });
}

// False: the connection was closed.
bool Connection::send_now(std::string_view bytes, size_t& sent) {
  const Moved moved = transport_.send(bytes, sent);
  // Waiting for bytes before sending: the peer began to speak of keys and stopped in the middle.
  if (moved != Moved::kSome && moved != Moved::kWaitsForRoom) return close(), false;
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
  const bool reads_again = (events & ~events_ & EPOLLIN) != 0;
  events_ = events;
  context_.loop.change(fd_, events, *this);
  if (reads_again && transport_.holds_bytes()) read_later();
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
    case State::kHandshake:
      context_.refused.add(1);
      return close();
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
  // Without this word the peer knows that what it has is not all.
  if (was != State::kHandshake && was != State::kExchange && out_.empty()) transport_.end_writing();
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
