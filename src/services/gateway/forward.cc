#include "services/gateway/internal/forward.h"

#include <charconv>

#include "services/gateway/internal/traffic.h"
#include "system/http/router.h"

namespace slipway::gateway {

using http::UpstreamFault;

void Forward::begin(std::unique_ptr<Forward> self, http::Exchange& exchange, const Wanted& wanted) {
  self.release()->start(exchange, wanted);  // end() takes it back
}

void Forward::start(http::Exchange& exchange, const Wanted& wanted) {
  exchange_ = exchange.shared_from_this();
  wanted_ = wanted;
  body_ = {};
  streamed_.reset();
  tries_ = moves_ = 0;
  reuse_ = http::Upstreams::Reuse::kAllowed;
  answerable_ = true;
  streaming_started_ = counted_ = false;
  state_.traffic().began();
  const Entry* entry = state_.find(wanted.deployment);
  const Duration timeout =
      entry && entry->row->timeout > Duration{0} ? entry->row->timeout : state_.traffic().options().timeout;
  deadline_ = exchange.received() + timeout;
  if (entry && entry->row->queue > 0 &&
      entry->stats->in_flight.load(std::memory_order_relaxed) >= entry->row->queue)
    return refuse(429, "QueueFull",
                  fmt::format("{} requests for {} wait already; its limits.queue allows no more",
                              entry->row->queue, wanted.deployment));
  exchange.on_cancel([this] { caller_gone(); });
  take_body();
}

// A body that is small enough is held, so that it can be sent again.
void Forward::take_body() {
  const base::RequestHead& head = exchange_->head();
  const bool chunked = !head.find("transfer-encoding").empty();
  const std::string_view text = head.find("content-length");
  uint64_t length = 0;
  std::from_chars(text.data(), text.data() + text.size(), length);
  if (!chunked && length == 0) return send();
  const size_t limit = state_.traffic().options().held_body_bytes;
  if (chunked || length > limit) {
    streamed_ = chunked ? http::kUnknownLength : length;
    return send();
  }
  exchange_->read_all(limit, [this](http::Exchange&, Result<std::string_view> body) {
    if (!body) return refuse(http::status_of(body.error().code), "BadBody", body.error().message);
    body_ = *body;
    send();
  });
}

http::UpstreamRequest Forward::request() const {
  const base::RequestHead& head = exchange_->head();
  return {.method = head.method,
          .target = head.target,
          .host = head.host,
          .headers = head.headers,
          .request_id = exchange_->request_id(),
          .body = body_,
          .streamed = streamed_,
          .expects_continue = streamed_.has_value(),
          .deadline = deadline_};
}

void Forward::send() {
  const int most = state_.traffic().options().moves;
  state_.refresh();  // its body may have come long after its head, and the weights are others by now
  while (true) {
    Refusal refusal;
    auto choice = state_.choose(wanted_, tried_, loop().now(), refusal);
    // Nobody else is there: the one that was tried may be back by now.
    if (!choice && tried_) choice = state_.choose(wanted_, nullptr, loop().now(), refusal);
    if (!choice) return refuse(refusal.status, std::move(refusal.reason), std::move(refusal.message));
    choice_ = std::move(*choice);
    choice_.stats->in_flight.fetch_add(1, std::memory_order_relaxed);
    choice_.deployment->in_flight.fetch_add(1, std::memory_order_relaxed);
    balance::begin(choice_.target->load);
    counted_ = true;
    sent_ = loop().now();
    choice_.stats->last_ns.store(sent_.time_since_epoch().count(), std::memory_order_relaxed);
    call_ = state_.upstreams().send(choice_.target->address, request(), *this, reuse_);
    if (call_) return;
    let_go(Outcome::kBroken);
    if (++moves_ > most)
      return refuse(503, "NoReadyReplica",
                    fmt::format("no replica of {} takes the request; try again soon", wanted_.deployment));
  }
}

void Forward::try_again() {
  state_.traffic().retries().add();
  send();
}

void Forward::on_fault(UpstreamFault fault) {
  const bool reused = call_->is_reused();
  call_ = nullptr;
  if (exchange_->cancelled()) return let_go(Outcome::kOther), end();
  // A kept connection may have been closed while the request was on its way: that says nothing of the
  // replica.
  const bool stale = fault == UpstreamFault::kBroken && reused;
  const bool unseen = fault == UpstreamFault::kRefused || stale;
  const bool broken = fault == UpstreamFault::kBroken || unseen;
  let_go(stale || fault == UpstreamFault::kTimeout ? Outcome::kOther : Outcome::kBroken);
  if (stale) reuse_ = http::Upstreams::Reuse::kForbidden;
  if (broken && may_move()) {
    if (unseen ? ++moves_ <= state_.traffic().options().moves : ++tries_ < state_.traffic().options().tries)
      return try_again();
  }
  if (fault == UpstreamFault::kTimeout)
    return refuse(504, "Timeout", fmt::format("{} did not answer in time", wanted_.deployment));
  refuse(502, "ReplicaBroke",
         fmt::format("the replica of {} went away before it answered", wanted_.deployment));
}

void Forward::on_continue() {
  if (!streamed_ || streaming_started_) return;
  streaming_started_ = true;
  read_on();
}

void Forward::on_room() { read_on(); }

void Forward::read_on() {
  exchange_->read(
      [this](http::Exchange&, Result<http::Exchange::Piece> piece) { stream_piece(std::move(piece)); });
}

void Forward::stream_piece(Result<http::Exchange::Piece> piece) {
  if (!call_) return;  // answered meanwhile
  if (!piece) {
    call_->cancel();
    call_ = nullptr;
    let_go(Outcome::kOther);
    return refuse(http::status_of(piece.error().code), "BadBody", piece.error().message);
  }
  const bool room = call_->write(piece->bytes, piece->last);
  if (!piece->last && room) read_on();
}

// Going, or back from a restart and not yet ready: another replica is meant.
bool Forward::turns_away(const http::UpstreamAnswer& answer) const {
  if (answer.status != 503) return false;
  for (const base::Header& header : answer.headers)
    if (header.name == "slipway-refused") return header.value == "draining" || header.value == "loading";
  return false;
}

void Forward::on_answer(const http::UpstreamAnswer& answer) {
  if (answer.complete) call_ = nullptr;
  if (turns_away(answer) && may_move() && ++moves_ <= state_.traffic().options().moves) {
    if (call_) call_->cancel();
    call_ = nullptr;
    let_go(Outcome::kBroken);
    return try_again();
  }
  pass_head(answer);
}

// Everything goes back but what is between two servers, and what we say ourselves.
void Forward::pass_head(const http::UpstreamAnswer& answer) {
  answerable_ = false;
  std::vector<base::Header>& headers = state_.headers();
  headers.clear();
  std::string_view type;
  for (const base::Header& header : answer.headers) {
    if (header.name == "content-type") type = header.value;
    if (header.name == "content-type" || header.name == "date" || header.name == "x-request-id") continue;
    if (!http::is_hop_by_hop(header.name)) headers.push_back(header);
  }
  const http::Answer head{.status = answer.status,
                          .content_type = type,
                          .headers = headers,
                          .body = answer.body,
                          .length = answer.length};
  answered(answer.status);
  if (answer.complete) {
    let_go(Outcome::kWell);
    if (http::Exchange* exchange = let_go_of_exchange()) exchange->respond(head);
    return end();
  }
  http::Answer first = head;
  first.body = {};
  exchange_->start(first);
  if (!exchange_) return;  // the caller went with it
  pass_piece(answer.body, false);
}

void Forward::on_piece(std::string_view piece, bool last) {
  if (last) call_ = nullptr;
  pass_piece(piece, last);
}

void Forward::pass_piece(std::string_view piece, bool last) {
  const bool room = piece.empty() || exchange_->write(piece, [this](http::Exchange&) {
    if (call_) call_->resume();
  });
  if (!last) {
    if (!room && call_) call_->pause();
    return;
  }
  let_go(Outcome::kWell);
  if (http::Exchange* exchange = let_go_of_exchange()) exchange->finish();
  end();
}

// Before its last word: while we hold it, its connection cannot use it again for the next request. Until that
// word its connection holds it; null: the caller has gone.
http::Exchange* Forward::let_go_of_exchange() {
  http::Exchange* const exchange = exchange_.get();
  if (exchange->cancelled()) return nullptr;
  exchange->on_cancel(nullptr);
  exchange_.reset();
  return exchange;
}

// Whoever asked has gone: the replica hears it at once, by its connection.
void Forward::caller_gone() {
  if (!call_) return;
  std::exchange(call_, nullptr)->cancel();
  let_go(Outcome::kOther);
  end();
}

void Forward::answered(int status) {
  choice_.stats->requests(status).add();
  choice_.stats->seconds.observe(loop().now() - exchange_->received());
}

void Forward::refuse(int status, std::string reason, std::string message) {
  if (!answerable_) {
    // The caller has a part of the answer: that it is not all is the only thing left to tell.
    exchange_->abort();
    return end();
  }
  state_.refused(reason).add();
  if (http::Exchange* exchange = let_go_of_exchange())
    gateway::refuse(*exchange,
                    {.status = status, .reason = std::move(reason), .message = std::move(message)});
  end();
}

void Forward::let_go(Outcome outcome) {
  if (!std::exchange(counted_, false)) return;
  choice_.stats->in_flight.fetch_sub(1, std::memory_order_relaxed);
  choice_.deployment->in_flight.fetch_sub(1, std::memory_order_relaxed);
  balance::Replica& load = choice_.target->load;
  switch (outcome) {
    case Outcome::kWell:
      return balance::end_well(load, loop().now() - sent_);
    case Outcome::kOther:
      return balance::end_otherwise(load);
    case Outcome::kBroken:
      balance::end_broken(load, loop().now());
      tried_kept_ = choice_.target;
      tried_ = tried_kept_.get();
  }
}

void Forward::end() {
  state_.traffic().ended();
  if (exchange_ && !exchange_->cancelled()) exchange_->on_cancel(nullptr);
  exchange_.reset();
  choice_ = {};
  tried_ = nullptr;
  tried_kept_.reset();
  call_ = nullptr;
  state_.give_forward(std::unique_ptr<Forward>(this));
}

}  // namespace slipway::gateway
