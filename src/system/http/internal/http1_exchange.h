// The Exchange of HTTP/1.1: what a handler holds, and the connection fills and empties.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "system/http/exchange.h"
#include "system/http/internal/loop_context.h"
#include "system/http/internal/parser.h"

namespace slipway::http::internal {

class Http1Exchange final : public Exchange {
 public:
  Http1Exchange(LoopContext& context) : context_(context), arena_(context.options.budget) {}

  void begin(Connection& connection, const Parser& parser);
  void release() { arena_.reset(); }
  void end();     // answered: the connection goes its own way
  void cancel();  // the peer has gone
  // What head and body are views of, when the connection goes before the handler is done.
  void keep(std::unique_ptr<char[]> block, std::string body, std::vector<base::Header> headers) {
    kept_block_ = std::move(block);
    kept_body_ = std::move(body);
    kept_headers_ = std::move(headers);
  }

  const base::RequestHead& head() const override { return head_; }
  base::Arena& arena() override { return arena_; }
  TimePoint received() const override { return received_; }
  std::string_view request_id() const override { return request_id_; }
  void read_all(size_t limit, WholeBody then) override;
  void read(BodyPiece then) override;
  void respond(const Answer& answer) override;
  void start(const Answer& head_only) override;
  bool write(std::string_view piece, std::function<void(Exchange&)> then) override;
  void finish(std::span<const base::Header> trailers) override;
  void abort() override;
  bool cancelled() const override { return cancelled_.load(std::memory_order_acquire); }
  void on_cancel(std::function<void()> then) override { on_cancel_ = std::move(then); }
  void post(std::function<void()> task) override { context_.loop.post(std::move(task)); }
  runtime::EventLoop& loop() override { return context_.loop; }
  std::shared_ptr<void>& local() override { return context_.local; }
  void tell_gone(std::function<void(Exchange&)> then);  // a writer that waits for room; later
  void drained() { waiting_.store(0, std::memory_order_relaxed); }

 private:
  // Runs on the loop's thread: now when we are on it, else posted with a reference that keeps us alive.
  void on_loop(std::function<void(Connection&)> act);

  LoopContext& context_;
  Connection* connection_ = nullptr;  // loop thread only
  base::RequestHead head_;
  base::Arena arena_;
  TimePoint received_;
  RequestIds::Text made_id_{};
  std::string_view request_id_;
  std::atomic<bool> cancelled_{false};
  std::atomic<size_t> waiting_{0};  // bytes written from other threads that are not sent yet
  std::function<void()> on_cancel_;
  std::unique_ptr<char[]> kept_block_;
  std::string kept_body_;
  std::vector<base::Header> kept_headers_;
};

}  // namespace slipway::http::internal
