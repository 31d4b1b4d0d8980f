#include "system/http/internal/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "values/json/writer.h"

namespace slipway::http::internal {

using namespace std::chrono_literals;

constexpr Duration kDrainPatience = 500ms;  // for the next request on an idle connection of a draining server
constexpr size_t kLingerBytes =
    8 << 20;  // a client that sends all of a refused body before it reads gets its answer

Connection::Connection(LoopContext& context, int fd)
    : context_(context), fd_(fd), transport_(fd), timer_(context.loop, [this] { on_time(); }) {
  const int one = 1, patience = static_cast<int>(context.options.limits.write_time / 1ms);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
}

void Connection::wait_for_a_request() {
  deadline_in(context_.draining ? kDrainPatience : context_.options.limits.idle_time);
}

Connection::~Connection() {
  close();
  release_body();
}

// Closing an idle connection at once would lose a request that is on its way: the peer gets a moment to send
// it, and its answer says that the connection closes.
void Connection::server_is_draining() {
  if (state_ == State::kHead && available() == 0) deadline_in(kDrainPatience);
}

void Connection::read_input() {
  if (!block_) block_ = context_.take_block();
  if (state_ == State::kHead && begin_ > 0 && end_ == context_.block_size()) {
    std::memmove(block_.get(), block_.get() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
  }
  const size_t room = context_.block_size() - end_;
  if (room == 0) return wait_for(events_ & ~static_cast<uint32_t>(EPOLLIN));  // pipelined beyond what we hold
  size_t got = 0;
  const Moved moved = transport_.receive({block_.get() + end_, room}, got);
  if (moved == Moved::kWaitsForBytes) return;
  if (moved == Moved::kWaitsForRoom) {
    reading_waits_for_room_ = true;
    return wait_for(events_ | EPOLLOUT);
  }
  if (moved != Moved::kSome) return close();
  context_.bytes_in.add(got);
  end_ += got;
  body_received_ += got;
  switch (state_) {
    case State::kHead:
      return process();
    case State::kExchange:
      return advance_body();
    case State::kDraining:
      return drain_body();
    case State::kLingering:
      drained_ += available();
      begin_ = end_ = 0;
      if (drained_ > kLingerBytes) close();
      return;
    case State::kHandshake:
    case State::kClosed:
      return;
  }
}

void Connection::process() {
  if (processing_) return;
  processing_ = true;
  for (size_t taken = 0;
       state_ == State::kHead && out_.size() - out_sent_ < context_.options.limits.output_bytes; ++taken) {
    if (taken == context_.options.limits.pipelined) {
      take_turn_later();
      break;
    }
    if (!take_request()) break;
  }
  processing_ = false;
  if (state_ == State::kClosed) return;
  const bool held_back = out_.size() - out_sent_ >= context_.options.limits.output_bytes;
  flush();
  if (state_ != State::kHead) return;
  if (held_back && out_.empty()) take_turn_later();  // all went out at once, so no EPOLLOUT will come
  if (available() == 0) {
    context_.give_block(std::exchange(block_, nullptr));
    begin_ = end_ = 0;
    release_exchange();
    wait_for_a_request();
  } else if (begin_ > 0) {
    // The scanner's offsets count from the head's first byte, so moving it costs nothing but the copy.
    std::memmove(block_.get(), block_.get() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
  }
}

// A connection that waits must not keep the memory of its last request: the budget is everybody's.
void Connection::release_exchange() {
  if (!exchange_) return;
  if (exchange_.use_count() == 1) return exchange_->release();
  // The handler's reference is the last one, but it may be on our stack still.
  context_.loop.post([held = std::move(exchange_)] {});
}

// Others' turn: level-triggered events would not come back for requests that are in the block already.
void Connection::take_turn_later() {
  context_.loop.post([&context = context_, this] {
    if (context.connections.contains(this)) process();
  });
}

bool Connection::take_request() {
  if (scanner_.head_size() == 0)  // one empty line before a request is forgiven (RFC 9112, 2.2)
    if (available() >= 2 && block_[begin_] == '\r' && block_[begin_ + 1] == '\n') begin_ += 2;
  if (available() == 0) return false;
  const Limits& limits = context_.options.limits;
  const bool complete = scanner_.scan(input());
  if (scanner_.refusal()) return refuse(scanner_.refusal()), true;
  if ((complete ? scanner_.head_size() : available()) > limits.header_bytes) {
    const bool in_target = input().substr(0, limits.header_bytes).find('\n') == std::string_view::npos;
    return refuse(in_target ? Refusal{414, "the target is too long"} : Refusal{431, "the head is too large"}),
           true;
  }
  if (!complete) {
    if (!timer_.armed() || deadline_ > context_.loop.now() + limits.header_time)
      deadline_in(limits.header_time);
    return false;
  }
  const size_t head_size = scanner_.head_size();
  // From here on views point into the block, so it must have room for what follows the head.
  if (context_.block_size() - begin_ - head_size < LoopContext::kBodyRoom) {
    std::memmove(block_.get(), block_.get() + begin_, available());
    end_ -= std::exchange(begin_, 0);
  }
  const Refusal malformed = parser_.parse_head(
      {block_.get() + begin_, head_size}, {.headers = limits.headers, .target_bytes = limits.target_bytes});
  scanner_.reset();
  begin_ += head_size;
  if (malformed) return refuse(malformed), true;
  const Framing framing = check_framing(parser_.headers(), parser_.version());
  if (framing.refusal) return refuse(framing.refusal), true;
  if (framing.chunked && parser_.upgrade()) return refuse({400, "an upgrade with a chunked body"}), true;
  begin_exchange(framing);
  return true;
}

void Connection::begin_exchange(const Framing& framing) {
  if (!exchange_ || exchange_.use_count() > 1) exchange_ = std::make_shared<Http1Exchange>(context_);
  state_ = State::kExchange;
  body_base_ = begin_;
  keep_alive_ = parser_.keep_alive();
  http_1_0_ = parser_.version().minor == 0;
  head_only_ = parser_.method() == base::Method::kHead;
  chunked_answer_ = streaming_ = false;
  chunked_ = framing.chunked;
  body_left_ = framing.content_length;
  body_done_ = !chunked_ && body_left_ == 0;
  expects_continue_ = framing.expects_continue && !body_done_;
  drained_ = 0;
  exchange_->begin(*this, parser_);
  context_.handler(*exchange_);
}

void Connection::refuse(Refusal refusal) {
  context_.refused.add(1);
  state_ = State::kExchange;
  keep_alive_ = false;
  head_only_ = http_1_0_ = streaming_ = false;
  body_done_ = true;
  std::string body;
  json::Writer(body).object([&](json::Writer& out) { out.key("error").value(refusal.reason); });
  RequestIds::Text id;
  context_.ids.make(context_.loop.wall(), id);
  const Answer answer{.status = refusal.status, .body = body};
  append_head(out_, answer,
              {.length = body.size(),
               .keep_alive = false,
               .request_id = {id.data(), id.size()},
               .date = context_.date.at(context_.loop.wall())});
  out_ += body;
  linger();
}

}  // namespace slipway::http::internal
