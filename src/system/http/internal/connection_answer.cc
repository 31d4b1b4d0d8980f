// A connection's way with an answer: whole or streamed, and what comes after it.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "system/http/internal/connection.h"

namespace slipway::http::internal {

using namespace std::chrono_literals;

constexpr Duration kLingerTime = 2s;
constexpr size_t kCopiedBody = 16 << 10;  // larger answers are sent without being copied first

void Connection::respond(const Answer& answer) {
  if (streaming_) return;  // answered twice: the first one stands
  // A body that nobody asked for, behind an Expect that nobody met, will not come: there is no telling it
  // from a request.
  if (expects_continue_) keep_alive_ = false;
  if (!body_done_ && !chunked_ && body_left_ > context_.options.limits.drained_bytes) keep_alive_ = false;
  if (!context_.keeps_connections) keep_alive_ = false;
  append_head(out_, answer,
              {.length = answer.length.value_or(answer.body.size()),
               .keep_alive = keep_alive_,
               .http_1_0 = http_1_0_,
               .request_id = exchange_->request_id(),
               .date = context_.date.at(context_.loop.wall())});
  if (!head_only_ && !has_no_body(answer.status)) {
    if (answer.body.size() < kCopiedBody) {
      out_ += answer.body;
    } else {
      flush();
      size_t sent = 0;
      if (out_.empty() && state_ != State::kClosed && !send_now(answer.body, sent)) return;
      if (state_ != State::kClosed) out_ += answer.body.substr(sent);
    }
  }
  answered();
}

void Connection::start_answer(const Answer& head_only) {
  if (streaming_) return;
  streaming_ = true;
  chunked_answer_ = !http_1_0_ && !head_only.length;
  if (http_1_0_ || expects_continue_ || !context_.keeps_connections) keep_alive_ = false;
  append_head(out_, head_only,
              {.framed = head_only.length  ? Framed::kLength
                         : chunked_answer_ ? Framed::kChunked
                                           : Framed::kNone,
               .length = head_only.length.value_or(0),
               .keep_alive = keep_alive_,
               .http_1_0 = http_1_0_,
               .request_id = exchange_->request_id(),
               .date = context_.date.at(context_.loop.wall())});
  flush();
  // It may go on for hours, and of the block it needs the head alone.
  if (block_ && body_done_ && available() == 0) context_.shed_pages(block_.get(), end_);
}

bool Connection::write(std::string_view piece, std::function<void(Exchange&)> then) {
  if (!streaming_) return false;
  if (!head_only_) {
    if (chunked_answer_)
      append_chunk(out_, piece);
    else
      out_ += piece;
  }
  flush();
  if (state_ == State::kClosed) return exchange_->tell_gone(std::move(then)), false;
  if (out_.size() - out_sent_ < context_.options.limits.output_bytes) return true;
  writable_then_ = std::move(then);
  return false;
}

void Connection::finish(std::span<const base::Header> trailers) {
  if (!streaming_) return;
  if (chunked_answer_ && !head_only_) append_last_chunk(out_, trailers);
  answered();
}

void Connection::answered() {
  if (state_ == State::kClosed) return;
  context_.requests.add(1);
  exchange_->end();
  whole_then_ = nullptr;
  piece_then_ = nullptr;
  writable_then_ = nullptr;
  if (!keep_alive_) {
    release_body();
    release_exchange();
    return linger();
  }
  if (!body_done_) {
    state_ = State::kDraining;
    deadline_in(context_.options.limits.body_grace);
    return drain_body();
  }
  next_request();
}

void Connection::drain_body() {
  if (chunked_) {
    release_body();
    const auto fed = available() > 0 ? parser_.feed_chunked(input(), body_) : Parser::Chunked{};
    if (fed.refusal) return close();
    begin_ += fed.consumed;
    drained_ += fed.consumed;
    body_done_ = fed.done;
  } else {
    const size_t bytes = std::min<uint64_t>(available(), body_left_);
    begin_ += bytes;
    drained_ += bytes;
    body_left_ -= bytes;
    body_done_ = body_left_ == 0;
  }
  if (body_done_) return next_request();
  begin_ = end_ = 0;
  if (drained_ > context_.options.limits.drained_bytes) return linger();
  wait_for(events_ | EPOLLIN);
  flush();
}

void Connection::next_request() {
  release_body();
  state_ = State::kHead;
  if (!(events_ & EPOLLIN)) wait_for(events_ | EPOLLIN);
  process();  // what was pipelined; does nothing when process() is what called us
}

void Connection::linger() {
  const bool more_to_send = [this] {
    state_ = State::kLingering;
    drained_ = 0;
    flush();
    return state_ != State::kClosed && !out_.empty();
  }();
  if (state_ == State::kClosed || more_to_send) return;
  if (transport_.end_writing() == Moved::kWaitsForRoom) {
    deadline_in(context_.options.limits.write_time);
    return wait_for(EPOLLOUT);
  }
  ::shutdown(fd_, SHUT_WR);
  begin_ = end_ = 0;
  wait_for(EPOLLIN);
  deadline_in(kLingerTime);
}

}  // namespace slipway::http::internal
