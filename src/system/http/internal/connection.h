// One HTTP/1.1 connection, and the Exchange that its requests are. Lives on one loop's thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "system/http/exchange.h"
#include "system/http/internal/output.h"
#include "system/http/internal/parser.h"
#include "system/http/request_id.h"
#include "system/http/server.h"
#include "system/runtime/event_loop.h"

namespace slipway::http::internal {

class Connection;
class Http1Exchange;

// A counter that one thread writes and others read.
class OwnCounter {
 public:
  void add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// What the connections of one loop share.
struct LoopContext {
  LoopContext(runtime::EventLoop& event_loop, const ServerOptions& server_options, const Handler& call,
              uint32_t origin)
      : loop(event_loop), options(server_options), handler(call), ids(origin) {}

  void adopt(int fd);
  void remove(Connection& connection);  // it is destroyed before the next event
  void bury() { graveyard.clear(); }
  void drain();
  void close_all();

  std::unique_ptr<char[]> take_block();
  void give_block(std::unique_ptr<char[]> block);
  size_t block_size() const { return options.limits.header_bytes + kBodyRoom; }

  static constexpr size_t kBodyRoom = 16 << 10;  // a body up to this size stays where it was read
  static constexpr size_t kSpareBlocks = 64;

  runtime::EventLoop& loop;
  const ServerOptions& options;
  const Handler& handler;
  RequestIds ids;
  DateHeader date;
  bool draining = false;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections;
  std::vector<std::unique_ptr<Connection>> graveyard;
  std::vector<std::unique_ptr<char[]>> spare;
  OwnCounter accepted, requests, refused, bytes_in, bytes_out;
  std::atomic<size_t> open{0};
};

class Connection final : public runtime::EventLoop::Handler {
 public:
  Connection(LoopContext& context, int fd);
  ~Connection() override;

  Status start();
  void on_ready(uint32_t events) override;
  void server_is_draining();
  void close();

  // From the exchange, on the loop's thread.
  void read_all(size_t limit, Exchange::WholeBody then);
  void read_piece(Exchange::BodyPiece then);
  void respond(const Answer& answer);
  void start_answer(const Answer& head_only);
  bool write(std::string_view piece, std::function<void(Exchange&)> then);
  void finish(std::span<const base::Header> trailers);
  void abort() { close(); }

 private:
  enum class State : uint8_t {
    kHead,       // waiting for a request, or inside its head
    kExchange,   // a handler has it
    kDraining,   // answered; the rest of the body is thrown away
    kLingering,  // the last answer is out; what the peer still sends is thrown away, so that no reset
                 // destroys the answer
    kClosed
  };

  void read_input();
  void process();       // requests that are in the block, up to the pipelining limit
  bool take_request();  // false: more bytes are needed
  void begin_exchange(const Framing& framing);
  void refuse(Refusal refusal);  // answers and closes
  void advance_body();
  void advance_whole();
  void advance_chunked_whole();
  void advance_piece();
  bool take_into_body(size_t bytes);
  bool feed_chunks();  // false: the body was refused
  void give_whole(Result<std::string_view> body);
  void give_piece(Result<Exchange::Piece> piece);
  void fail_body(Error error);
  void body_was_malformed(Refusal refusal);
  void say_continue();
  void answered();
  void drain_body();
  void next_request();
  void release_body();

  void flush();
  bool send_now(std::string_view bytes, size_t& sent);
  void wait_for(uint32_t events);
  void deadline_in(Duration time);
  void on_time();
  void linger();
  size_t available() const { return end_ - begin_; }
  std::string_view input() const { return {block_.get() + begin_, available()}; }

  LoopContext& context_;
  const int fd_;
  State state_ = State::kHead;
  uint32_t events_ = 0;
  runtime::EventLoop::Timer timer_;
  TimePoint deadline_ = TimePoint::max(), armed_for_ = TimePoint::max();

  std::unique_ptr<char[]> block_;
  size_t begin_ = 0, end_ = 0;  // unread bytes of the block
  size_t body_base_ = 0;        // where this exchange's head ends in the block
  HeadScanner scanner_;
  Parser parser_;

  std::shared_ptr<Http1Exchange> exchange_;
  bool keep_alive_ = true, head_only_ = false, http_1_0_ = false, chunked_answer_ = false, streaming_ = false;
  bool chunked_ = false, body_done_ = true, expects_continue_ = false;
  uint64_t body_left_ = 0;
  std::string body_;  // decoded or collected bytes that are not in the block
  size_t body_charged_ = 0;
  size_t drained_ = 0;
  TimePoint body_started_;
  uint64_t body_received_ = 0;
  size_t whole_limit_ = 0;
  Exchange::WholeBody whole_then_;
  Exchange::BodyPiece piece_then_;

  std::string out_;
  size_t out_sent_ = 0;
  std::function<void(Exchange&)> writable_then_;
  bool processing_ = false;
};

class Http1Exchange final : public Exchange {
 public:
  Http1Exchange(LoopContext& context) : context_(context), arena_(context.options.budget) {}

  void begin(Connection& connection, const Parser& parser);
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
