#include <memory>

#include "system/http/internal/connection.h"

namespace slipway::http::internal {
namespace {

// A copy of an answer for the way to the loop's thread.
struct OwnedAnswer {
  explicit OwnedAnswer(const Answer& answer)
      : status(answer.status), content_type(answer.content_type), body(answer.body), length(answer.length) {
    for (const base::Header& header : answer.headers) texts.emplace_back(header.name, header.value);
    for (const auto& [name, value] : texts) headers.push_back({name, value});
  }
  Answer view() const {
    return {
        .status = status, .content_type = content_type, .headers = headers, .body = body, .length = length};
  }

  int status;
  std::string content_type, body;
  std::optional<uint64_t> length;
  std::vector<std::pair<std::string, std::string>> texts;
  std::vector<base::Header> headers;
};

}  // namespace

void Http1Exchange::begin(Connection& connection, const Parser& parser) {
  connection_ = &connection;
  arena_.reset();
  cancelled_.store(false, std::memory_order_relaxed);
  waiting_.store(0, std::memory_order_relaxed);
  on_cancel_ = nullptr;
  received_ = context_.loop.now();
  const std::string_view target = parser.target();
  const size_t question = std::min(target.find('?'), target.size());
  head_ = {.method = parser.method(),
           .target = target,
           .path = target.substr(0, question),
           .query = target.substr(std::min(question + 1, target.size())),
           .headers = parser.headers()};
  head_.host = head_.find("host");
  request_id_ = head_.find("x-request-id");
  if (!is_request_id(request_id_)) {
    context_.ids.make(context_.loop.wall(), made_id_);
    request_id_ = {made_id_.data(), made_id_.size()};
  }
}

void Http1Exchange::end() {
  connection_ = nullptr;
  on_cancel_ = nullptr;
}

void Http1Exchange::cancel() {
  connection_ = nullptr;
  cancelled_.store(true, std::memory_order_release);
  if (on_cancel_) std::exchange(on_cancel_, nullptr)();
}

void Http1Exchange::on_loop(std::function<void(Connection&)> act) {
  if (context_.loop.on_loop_thread()) {
    if (connection_ != nullptr) act(*connection_);
    return;
  }
  context_.loop.post(
      [self = std::static_pointer_cast<Http1Exchange>(shared_from_this()), act = std::move(act)] {
        if (self->connection_ != nullptr) act(*self->connection_);
      });
}

void Http1Exchange::read_all(size_t limit, WholeBody then) {
  if (connection_ != nullptr) connection_->read_all(limit, std::move(then));
}

void Http1Exchange::read(BodyPiece then) {
  if (connection_ != nullptr) connection_->read_piece(std::move(then));
}

void Http1Exchange::respond(const Answer& answer) {
  if (context_.loop.on_loop_thread()) {
    if (connection_ != nullptr) connection_->respond(answer);
    return;
  }
  on_loop([copy = std::make_shared<OwnedAnswer>(answer)](Connection& to) { to.respond(copy->view()); });
}

void Http1Exchange::start(const Answer& head_only) {
  if (context_.loop.on_loop_thread()) {
    if (connection_ != nullptr) connection_->start_answer(head_only);
    return;
  }
  on_loop(
      [copy = std::make_shared<OwnedAnswer>(head_only)](Connection& to) { to.start_answer(copy->view()); });
}

bool Http1Exchange::write(std::string_view piece, std::function<void(Exchange&)> then) {
  if (context_.loop.on_loop_thread()) {
    if (connection_ != nullptr) return connection_->write(piece, std::move(then));
    tell_gone(std::move(then));
    return false;
  }
  const bool room = waiting_.fetch_add(piece.size()) + piece.size() < context_.options.limits.output_bytes;
  auto self = std::static_pointer_cast<Http1Exchange>(shared_from_this());
  context_.loop.post([self, copy = std::string(piece), next = room ? nullptr : std::move(then)] {
    if (!self->write(copy, next) || !next) return;
    self->drained();  // there is room by now, and somebody waits for it
    next(*self);
  });
  return room;
}

void Http1Exchange::tell_gone(std::function<void(Exchange&)> then) {
  if (!then) return;
  context_.loop.post([self = std::static_pointer_cast<Http1Exchange>(shared_from_this()),
                      then = std::move(then)] { then(*self); });
}

void Http1Exchange::finish(std::span<const base::Header> trailers) {
  if (context_.loop.on_loop_thread()) {
    if (connection_ != nullptr) connection_->finish(trailers);
    return;
  }
  on_loop([kept = std::make_shared<OwnedAnswer>(Answer{.headers = trailers})](Connection& to) {
    to.finish(kept->headers);
  });
}

void Http1Exchange::abort() {
  on_loop([](Connection& to) { to.abort(); });
}

}  // namespace slipway::http::internal
