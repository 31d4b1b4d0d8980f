#include "system/http/internal/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "values/json/writer.h"

namespace slipway::http::internal {

using namespace std::chrono_literals;

constexpr size_t kMovable = 64;  // a string of this capacity keeps its bytes in place when it is moved
constexpr Duration kDrainPatience = 500ms;  // for the next request on an idle connection of a draining server
constexpr size_t kLingerBytes = 256 << 10;
constexpr Duration kLingerTime = 2s;
constexpr size_t kCopiedBody = 16 << 10;  // larger answers are sent without being copied first

Connection::Connection(LoopContext& context, int fd)
    : context_(context), fd_(fd), timer_(context.loop, [this] { on_time(); }) {
  const int one = 1, patience = static_cast<int>(context.options.limits.write_time / 1ms);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof patience);
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

void Connection::read_input() {
  if (!block_) block_ = context_.take_block();
  if (state_ == State::kHead && begin_ > 0 && end_ == context_.block_size()) {
    std::memmove(block_.get(), block_.get() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
  }
  const size_t room = context_.block_size() - end_;
  if (room == 0) return wait_for(events_ & ~static_cast<uint32_t>(EPOLLIN));  // pipelined beyond what we hold
  const ssize_t got = ::recv(fd_, block_.get() + end_, room, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return close();
  context_.bytes_in.add(static_cast<uint64_t>(got));
  end_ += static_cast<size_t>(got);
  body_received_ += static_cast<uint64_t>(got);
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
    case State::kClosed:
      return;
  }
}

void Connection::process() {
  if (processing_) return;
  processing_ = true;
  for (size_t taken = 0;
       state_ == State::kHead && out_.size() - out_sent_ < context_.options.limits.output_bytes; ++taken) {
    if (taken == context_.options.limits
                     .pipelined) {  // others' turn; level-triggered events would not come back for these
      context_.loop.post([&context = context_, this] {
        if (context.connections.contains(this)) process();
      });
      break;
    }
    if (!take_request()) break;
  }
  processing_ = false;
  if (state_ == State::kClosed) return;
  flush();
  if (state_ != State::kHead) return;
  if (available() == 0) {
    context_.give_block(std::exchange(block_, nullptr));
    begin_ = end_ = 0;
    deadline_in(context_.draining ? kDrainPatience : context_.options.limits.idle_time);
  } else if (begin_ > 0) {
    // The scanner's offsets count from the head's first byte, so moving it costs nothing but the copy.
    std::memmove(block_.get(), block_.get() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
  }
}

bool Connection::take_request() {
  if (scanner_.head_size() == 0)  // one empty line before a request is forgiven (RFC 9112, 2.2)
    while (available() >= 2 && block_[begin_] == '\r' && block_[begin_ + 1] == '\n') begin_ += 2;
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
    if (deadline_ > context_.loop.now() + limits.header_time) deadline_in(limits.header_time);
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

// --- the body ---

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
  deadline_in(context_.options.limits.body_grace);
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
  deadline_in(context_.options.limits.body_grace);
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

// --- the answer ---

void Connection::respond(const Answer& answer) {
  if (streaming_) return;  // answered twice: the first one stands
  // A body that nobody asked for, behind an Expect that nobody met, will not come: there is no telling it
  // from a request.
  if (expects_continue_) keep_alive_ = false;
  if (!body_done_ && !chunked_ && body_left_ > context_.options.limits.drained_bytes) keep_alive_ = false;
  if (context_.draining) keep_alive_ = false;
  append_head(out_, answer,
              {.length = answer.body.size(),
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
  chunked_answer_ = !http_1_0_;
  if (http_1_0_ || expects_continue_ || context_.draining) keep_alive_ = false;
  append_head(out_, head_only,
              {.framed = chunked_answer_ ? Framed::kChunked : Framed::kNone,
               .keep_alive = keep_alive_,
               .http_1_0 = http_1_0_,
               .request_id = exchange_->request_id(),
               .date = context_.date.at(context_.loop.wall())});
  flush();
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
  if (state_ == State::kClosed) return false;
  if (out_.size() - out_sent_ < context_.options.limits.output_bytes) {
    if (then) {  // written from another thread, which waits although there is room by now
      exchange_->drained();
      then(*exchange_);
    }
    return true;
  }
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
  if (!keep_alive_) return linger();
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
  ::shutdown(fd_, SHUT_WR);
  begin_ = end_ = 0;
  wait_for(EPOLLIN);
  deadline_in(kLingerTime);
}

// --- the socket ---

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

// --- the loop's context ---

void LoopContext::adopt(int fd) {
  bury();
  auto connection = std::make_unique<Connection>(*this, fd);
  accepted.add(1);
  Connection* key = connection.get();
  connections.emplace(key, std::move(connection));
  if (!key->start()) key->close();
}

void LoopContext::remove(Connection& connection) {
  const auto at = connections.find(&connection);
  if (at == connections.end()) return;  // it is being destroyed with the server
  graveyard.push_back(std::move(at->second));
  connections.erase(at);
  open.fetch_sub(1, std::memory_order_relaxed);
}

void LoopContext::drain() {
  draining = true;
  for (const auto& [key, connection] : connections) connection->server_is_draining();
}

void LoopContext::close_all() {
  while (!connections.empty()) connections.begin()->second->close();
  bury();
}

std::unique_ptr<char[]> LoopContext::take_block() {
  if (spare.empty()) return std::unique_ptr<char[]>(new char[block_size()]);
  auto block = std::move(spare.back());
  spare.pop_back();
  return block;
}

void LoopContext::give_block(std::unique_ptr<char[]> block) {
  if (block && spare.size() < kSpareBlocks) spare.push_back(std::move(block));
}

}  // namespace slipway::http::internal
