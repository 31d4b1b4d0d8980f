#include "system/http/internal/upstream_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "system/http/internal/output.h"

namespace slipway::http::internal {
namespace {

constexpr int kReadsTogether = 16;       // before other connections get their turn
constexpr size_t kCopiedBody = 4 << 10;  // behind its head: cheaper than telling the system of two parts
constexpr std::string_view kHeadEnd = "\r\n\r\n";

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// Whether a header is named by Connection, which makes it one of this connection alone.
bool is_named(std::string_view connection, std::string_view name) {
  while (!connection.empty()) {
    const size_t comma = std::min(connection.find(','), connection.size());
    std::string_view token = connection.substr(0, comma);
    while (token.starts_with(' ')) token.remove_prefix(1);
    while (token.ends_with(' ')) token.remove_suffix(1);
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
    if (std::equal(token.begin(), token.end(), name.begin(), name.end(), same)) return true;
    connection.remove_prefix(std::min(comma + 1, connection.size()));
  }
  return false;
}

}  // namespace

UpstreamConnection::UpstreamConnection(Upstreams& owner, int fd, std::shared_ptr<Upstreams::Peer> peer,
                                       bool connected)
    : owner_(owner),
      fd_(fd),
      peer_(std::move(peer)),
      state_(connected ? State::kIdle : State::kConnecting),
      timer_(owner.loop_, [this] { on_time(); }) {}

UpstreamConnection::~UpstreamConnection() {
  if (state_ != State::kClosed) ::close(fd_);
}

Status UpstreamConnection::start() {
  events_ = state_ == State::kConnecting ? EPOLLOUT : EPOLLIN;
  return owner_.loop_.add(fd_, events_, *this);
}

void UpstreamConnection::begin(const UpstreamRequest& request, UpstreamCaller& caller) {
  caller_ = &caller;
  ++requests_;
  method_ = request.method;
  body_is_chunked_ = request.streamed == kUnknownLength;
  sent_all_ = !request.streamed;
  waiting_for_room_ = paused_ = heard_ = has_head_ = told_ = body_done_ = false;
  begin_ = end_ = scanned_ = 0;
  if (state_ == State::kIdle) state_ = State::kSending;
  append_head(request);
  request_deadline_ = request.deadline;
  deadline_at(state_ == State::kConnecting
                  ? std::min(request.deadline, owner_.loop_.now() + owner_.options_.connect_time)
                  : request.deadline);
  if (state_ == State::kSending) return send_first(request.streamed ? std::string_view() : request.body);
  if (!request.streamed) out_ += request.body;
}

// Rebuilt from its parsed form: what two readers could understand differently does not travel on.
void UpstreamConnection::append_head(const UpstreamRequest& request) {
  out_ += base::name(request.method);
  out_ += ' ';
  out_ += request.target;
  out_ += " HTTP/1.1\r\nhost: ";
  out_ += request.host;
  out_ += "\r\n";
  std::string_view connection;
  for (const base::Header& header : request.headers)
    if (header.name == "connection") connection = header.value;
  const auto put = [this](std::string_view name, std::string_view value) {
    out_ += name;
    out_ += ": ";
    out_ += value;
    out_ += "\r\n";
  };
  for (const base::Header& header : request.headers) {
    if (is_hop_by_hop(header.name) || header.name == "host" || header.name == "x-request-id") continue;
    if (!connection.empty() && is_named(connection, header.name)) continue;
    put(header.name, header.value);
  }
  put("x-request-id", request.request_id);
  if (request.expects_continue) put("expect", "100-continue");
  if (body_is_chunked_)
    put("transfer-encoding", "chunked");
  else if (request.streamed || !request.body.empty() || request.method == base::Method::kPost)
    put("content-length", fmt::format_int(request.streamed.value_or(request.body.size())).c_str());
  out_ += "\r\n";
}

// Head and body in one call to the system; of a large body only what does not go out now is copied.
void UpstreamConnection::send_first(std::string_view body) {
  if (body.size() <= kCopiedBody) out_ += std::exchange(body, {});
  const ssize_t sent = body.empty() ? ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL) : send_with(body);
  const size_t gone = sent > 0 ? static_cast<size_t>(sent) : 0;
  if (gone == out_.size() + body.size()) return out_.clear();
  // That the peer has gone is told by the event that comes; nothing may be told from within send().
  out_ += body;
  out_sent_ = gone;
  wait_for(EPOLLIN | EPOLLOUT);
}

ssize_t UpstreamConnection::send_with(std::string_view body) const {
  std::array<iovec, 2> parts{iovec{const_cast<char*>(out_.data()), out_.size()},
                             iovec{const_cast<char*>(body.data()), body.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd_, &message, MSG_NOSIGNAL);
}

void UpstreamConnection::flush() {
  if (out_.empty()) return wait_for(paused_ ? 0U : uint32_t{EPOLLIN});
  const ssize_t sent = ::send(fd_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
  if (sent < 0 && !would_block(errno)) return;  // what it may have answered before it went is read first
  out_sent_ += sent > 0 ? static_cast<size_t>(sent) : 0;
  if (out_sent_ < out_.size()) return wait_for(events_ | EPOLLOUT);
  out_.clear();
  out_sent_ = 0;
  wait_for(paused_ ? 0U : uint32_t{EPOLLIN});
  if (std::exchange(waiting_for_room_, false) && caller_) caller_->on_room();
}

bool UpstreamConnection::write(std::string_view piece, bool last) {
  if (state_ == State::kClosed) return true;
  if (body_is_chunked_) {
    append_chunk(out_, piece);
    if (last) append_last_chunk(out_, {});
  } else {
    out_ += piece;
  }
  sent_all_ = sent_all_ || last;
  if (state_ == State::kConnecting) return out_.size() < owner_.options_.output_bytes;
  const ssize_t sent = ::send(fd_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
  out_sent_ += sent > 0 ? static_cast<size_t>(sent) : 0;
  if (out_sent_ == out_.size()) {
    out_.clear();
    out_sent_ = 0;
    return true;
  }
  wait_for(events_ | EPOLLOUT);
  waiting_for_room_ = out_.size() - out_sent_ >= owner_.options_.output_bytes;
  return !waiting_for_room_;
}

void UpstreamConnection::pause() {
  paused_ = true;
  wait_for(events_ & ~static_cast<uint32_t>(EPOLLIN));
}

void UpstreamConnection::resume() {
  if (!std::exchange(paused_, false) || state_ == State::kClosed) return;
  wait_for(events_ | EPOLLIN);
}

void UpstreamConnection::cancel() {
  caller_ = nullptr;
  close();
}

void UpstreamConnection::on_ready(uint32_t events) {
  owner_.graveyard_.clear();
  if (state_ == State::kIdle) return close();  // it went, or says what nobody asked for
  if (state_ == State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fault(UpstreamFault::kRefused);
    if (!(events & EPOLLOUT)) return;
    state_ = State::kSending;
    deadline_at(request_deadline_);
  }
  if (events & EPOLLOUT) flush();
  if (paused_ && (events & (EPOLLERR | EPOLLHUP))) return look_away();
  if (state_ != State::kClosed && (events & (EPOLLIN | EPOLLERR | EPOLLHUP))) read();
}

void UpstreamConnection::read() {
  if (!block_) block_ = owner_.take_block();
  for (int i = 0; i < kReadsTogether && state_ == State::kSending && !paused_; ++i) {
    const size_t room = owner_.options_.head_bytes - end_;
    const ssize_t got = ::recv(fd_, block_.get() + end_, room, 0);
    if (got < 0 && would_block(errno)) return;
    if (got <= 0) return ended();
    heard_ = true;
    end_ += static_cast<size_t>(got);
    process();
    if (static_cast<size_t>(got) < room) return;
  }
}

void UpstreamConnection::process() {
  if (!has_head_ && !take_head()) return;
  if (state_ != State::kSending) return;
  if (!told_) return give_answer();
  give_pieces();
}

bool UpstreamConnection::take_head() {
  while (true) {
    const size_t from = scanned_ > kHeadEnd.size() ? scanned_ - kHeadEnd.size() : 0;
    const size_t at = input().find(kHeadEnd, from);
    if (at == std::string_view::npos) {
      scanned_ = end_ - begin_;
      if (begin_ > 0) {
        std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
        end_ -= std::exchange(begin_, 0);
      }
      if (end_ == owner_.options_.head_bytes) fault(UpstreamFault::kMalformed);
      return false;
    }
    const size_t size = at + kHeadEnd.size();
    if (parser_.parse_answer({block_.get() + begin_, size}, owner_.options_.headers))
      return fault(UpstreamFault::kMalformed), false;
    begin_ += size;
    scanned_ = 0;
    if (parser_.status() >= 200) break;
    if (!take_interim()) return false;
  }
  has_head_ = true;
  decide_body();
  return true;
}

// 100 asks for the body; others are between us and the server.
bool UpstreamConnection::take_interim() {
  if (parser_.status() == 101) return fault(UpstreamFault::kMalformed), false;
  if (parser_.status() == 100 && caller_) caller_->on_continue();
  return state_ == State::kSending;
}

void UpstreamConnection::decide_body() {
  keep_alive_ = parser_.keep_alive();
  const auto length = parser_.content_length();
  left_ = length.value_or(0);
  if (method_ == base::Method::kHead || has_no_body(parser_.status()) ||
      (length && *length == 0 && !parser_.is_chunked()))
    body_ = Body::kNone;
  else if (parser_.is_chunked())
    body_ = Body::kChunked;
  else
    body_ = length ? Body::kLength : Body::kUntilEnd;
  if (body_ == Body::kUntilEnd) keep_alive_ = false;
}

// What has come of the body since the last time.
std::string_view UpstreamConnection::take_body(bool& last) {
  std::string_view out = input();
  last = false;
  if (body_ == Body::kNone) return last = true, std::string_view();
  if (body_ == Body::kChunked) {
    piece_.clear();
    if (out.empty()) return out;
    const auto fed = parser_.feed_chunked(out, piece_);
    if (fed.refusal) return fault(UpstreamFault::kMalformed), std::string_view();
    begin_ += fed.consumed;
    last = fed.done;
    return piece_;
  }
  if (body_ == Body::kLength) {
    out = out.substr(0, std::min<uint64_t>(out.size(), left_));
    left_ -= out.size();
    last = left_ == 0;
  }
  begin_ += out.size();
  return out;
}

void UpstreamConnection::give_answer() {
  const auto length = parser_.content_length();
  // Headers are views into the block: they are given before the block is used again.
  const std::string_view body = take_body(body_done_);
  if (state_ != State::kSending) return;
  told_ = true;
  UpstreamCaller* const caller = caller_;
  if (body_done_) caller_ = nullptr;
  caller->on_answer({.status = parser_.status(),
                     .headers = parser_.headers(),
                     .body = body,
                     .complete = body_done_,
                     .length = body_ == Body::kChunked ? std::nullopt : length});
  if (body_done_) return complete();
  if (begin_ == end_) begin_ = end_ = 0;
}

void UpstreamConnection::give_pieces() {
  const std::string_view piece = take_body(body_done_);
  if (state_ != State::kSending) return;
  UpstreamCaller* const caller = caller_;
  if (body_done_) caller_ = nullptr;
  if (!piece.empty() || body_done_) caller->on_piece(piece, body_done_);
  if (state_ != State::kSending) return;
  if (body_done_) return complete();
  if (begin_ == end_) begin_ = end_ = 0;
}

// The answer is over. What was not sent by then nobody wants; what came too much is not to be trusted.
void UpstreamConnection::complete() {
  if (state_ != State::kSending) return;
  if (!keep_alive_ || !sent_all_ || !out_.empty() || begin_ != end_) return close();
  owner_.keep(*this, *peer_);
}

void UpstreamConnection::rest() {
  state_ = State::kIdle;
  owner_.give_block(std::move(block_));
  begin_ = end_ = 0;
  wait_for(EPOLLIN);
  deadline_at(owner_.loop_.now() + owner_.options_.idle_time);
}

void UpstreamConnection::ended() {
  if (has_head_ && body_ == Body::kUntilEnd && caller_) {
    UpstreamCaller* const caller = std::exchange(caller_, nullptr);
    body_done_ = true;
    if (told_) caller->on_piece({}, true);
    return close();
  }
  fault(heard_ ? UpstreamFault::kCut : UpstreamFault::kBroken);
}

void UpstreamConnection::fault(UpstreamFault what) {
  UpstreamCaller* const caller = std::exchange(caller_, nullptr);
  close();
  if (caller) caller->on_fault(what);
}

void UpstreamConnection::close() {
  if (state_ == State::kClosed) return;
  if (state_ == State::kIdle) std::erase(peer_->kept, this);
  state_ = State::kClosed;
  timer_.disarm();
  if (watched_) owner_.loop_.remove(fd_, *this);
  ::close(fd_);
  owner_.give_block(std::move(block_));
  owner_.remove(*this);
}

void UpstreamConnection::wait_for(uint32_t events) {
  if (events == events_ || state_ == State::kClosed) return;
  events_ = events;
  if (watched_) return owner_.loop_.change(fd_, events, *this);
  watched_ = true;
  if (!owner_.loop_.add(fd_, events, *this)) fault(heard_ ? UpstreamFault::kCut : UpstreamFault::kBroken);
}

// The peer has gone, and what it left is not wanted yet: the loop would tell of that again and again.
void UpstreamConnection::look_away() {
  if (state_ == State::kClosed) return;
  watched_ = false;
  events_ = 0;
  owner_.loop_.remove(fd_, *this);
}

void UpstreamConnection::deadline_at(TimePoint deadline) {
  deadline_ = deadline;
  if (deadline_ >= armed_for_ && timer_.armed()) return;  // it will look again when it fires
  armed_for_ = deadline_;
  timer_.arm(deadline_);
}

void UpstreamConnection::on_time() {
  if (owner_.loop_.now() < deadline_) {
    armed_for_ = deadline_;
    return timer_.arm(deadline_);
  }
  owner_.graveyard_.clear();
  if (state_ == State::kIdle) return close();
  fault(state_ == State::kConnecting ? UpstreamFault::kRefused : UpstreamFault::kTimeout);
}

}  // namespace slipway::http::internal
