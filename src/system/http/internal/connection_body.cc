// A connection's way with the body of a request: found in the block, collected, in pieces, or chunked.
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "system/http/internal/connection.h"

namespace slipway::http::internal {

constexpr size_t kMovable = 64;  // a string of this capacity keeps its bytes in place when it is moved

void Connection::say_continue() {
  if (!std::exchange(expects_continue_, false) || available() > 0) return;
  out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  flush();
}

void Connection::read_all(size_t limit, Exchange::WholeBody then) {
  whole_limit_ = limit;
  whole_then_ = std::move(then);
  if (!chunked_ && body_left_ > limit) {
    keep_alive_ = keep_alive_ && body_left_ <= context_.options.limits.drained_bytes && !expects_continue_;
    return give_whole(
        fail(Code::kTooLarge, "the body has {} bytes, at most {} are taken", body_left_, limit));
  }
  body_started_ = context_.loop.now();
  body_received_ = available();
  say_continue();
  advance_body();
  // Set once: bytes that trickle in must not put it off. From then on on_time() judges the rate every second.
  if (whole_then_ && state_ == State::kExchange) deadline_in(context_.options.limits.body_grace);
}

void Connection::read_piece(Exchange::BodyPiece then) {
  piece_then_ = std::move(then);
  body_started_ = context_.loop.now();
  body_received_ = available();
  say_continue();
  advance_body();
}

void Connection::advance_body() {
  if (whole_then_) return chunked_ ? advance_chunked_whole() : advance_whole();
  if (piece_then_) return advance_piece();
  // Nobody reads: what arrives stays in the block, and the peer is not read from once that is full.
  if (end_ == context_.block_size()) wait_for(events_ & ~static_cast<uint32_t>(EPOLLIN));
}

void Connection::advance_whole() {
  if (body_.empty() && available() >= body_left_) {
    const std::string_view body = input().substr(0, body_left_);
    begin_ += body_left_;
    body_left_ = 0;
    body_done_ = true;
    return give_whole(body);
  }
  const bool fits = body_.empty() && begin_ + body_left_ <= context_.block_size();
  if (!fits) {
    if (!take_into_body(std::min<uint64_t>(available(), body_left_)))
      return fail_body({Code::kExhausted, "no memory left for the request's body; try again later"});
    if (body_left_ == 0) {
      body_done_ = true;
      return give_whole(std::string_view(body_));
    }
    begin_ = end_ = body_base_;  // everything was taken
  }
  wait_for(events_ | EPOLLIN);
}

bool Connection::take_into_body(size_t bytes) {
  base::Budget* budget = context_.options.budget;
  if (budget != nullptr && !budget->take(bytes)) return false;
  if (budget != nullptr) body_charged_ += bytes;
  if (body_.empty()) body_.reserve(kMovable);
  body_.append(block_.get() + begin_, bytes);
  begin_ += bytes;
  body_left_ -= bytes;
  return true;
}

bool Connection::feed_chunks() {
  const size_t before = body_.size();
  if (before == 0) body_.reserve(kMovable);
  const auto fed = parser_.feed_chunked(input(), body_);
  if (fed.refusal) return body_was_malformed(fed.refusal), false;
  begin_ += fed.consumed;
  if (available() == 0 && !fed.done) begin_ = end_ = body_base_;
  body_done_ = fed.done;
  base::Budget* budget = context_.options.budget;
  const size_t grown = body_.size() - before;
  if (budget == nullptr || grown == 0) return true;
  if (!budget->take(grown)) {
    fail_body({Code::kExhausted, "no memory left for the request's body; try again later"});
    return false;
  }
  body_charged_ += grown;
  return true;
}

void Connection::advance_chunked_whole() {
  if (available() > 0 && !feed_chunks()) return;
  if (body_.size() > whole_limit_)
    return fail_body(
        {Code::kTooLarge, fmt::format("the body has more than the {} bytes that are taken", whole_limit_)});
  if (body_done_) return give_whole(std::string_view(body_));
  wait_for(events_ | EPOLLIN);
}

void Connection::advance_piece() {
  std::string_view piece;
  if (chunked_) {
    release_body();
    if (available() > 0 && !feed_chunks()) return;
    piece = body_;
  } else {
    piece = input().substr(0, std::min<uint64_t>(available(), body_left_));
    body_left_ -= piece.size();
    begin_ += piece.size();
    body_done_ = body_left_ == 0;
    if (!body_done_) begin_ = end_ = body_base_;  // the piece's bytes stay until the next are asked for
  }
  if (!piece.empty() || body_done_) return give_piece(Exchange::Piece{.bytes = piece, .last = body_done_});
  wait_for(events_ | EPOLLIN);
  deadline_in(context_.options.limits.body_grace);
}

void Connection::give_whole(Result<std::string_view> body) {
  auto then = std::exchange(whole_then_, nullptr);
  then(*exchange_, std::move(body));
}

void Connection::give_piece(Result<Exchange::Piece> piece) {
  auto then = std::exchange(piece_then_, nullptr);
  then(*exchange_, std::move(piece));
}

// The handler learns it and answers; the connection cannot be used for another request.
void Connection::fail_body(Error error) {
  context_.refused.add(1);
  keep_alive_ = false;
  body_done_ = true;
  if (whole_then_) return give_whole(fail(std::move(error)));
  if (piece_then_) give_piece(fail(std::move(error)));
}

void Connection::body_was_malformed(Refusal refusal) {
  fail_body({Code::kInvalid, std::string(refusal.reason)});
}

void Connection::release_body() {
  if (body_charged_ > 0) context_.options.budget->give(std::exchange(body_charged_, 0));
  body_.clear();
  if (body_.capacity() > base::Arena::kKept) body_.shrink_to_fit();
}

}  // namespace slipway::http::internal
