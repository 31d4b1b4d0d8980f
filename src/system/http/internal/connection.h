// One HTTP/1.1 connection. Lives on one loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "system/http/exchange.h"
#include "system/http/internal/http1_exchange.h"
#include "system/http/internal/loop_context.h"
#include "system/http/internal/parser.h"
#include "system/http/internal/transport.h"
#include "system/runtime/event_loop.h"

namespace slipway::http::internal {

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
    kHandshake,  // TLS is being agreed on
    kHead,       // waiting for a request, or inside its head
    kExchange,   // a handler has it
    kDraining,   // answered; the rest of the body is thrown away
    kLingering,  // the last answer is out; what the peer still sends is thrown away, so that no reset
                 // destroys the answer
    kClosed
  };

  void shake_hands();
  bool speaks_plainly() const;
  void made_room();
  void read_on();     // as long as there are bytes that no event will tell of
  void read_later();  // the same, after others' turn
  void read_input();
  void process();  // requests that are in the block, up to the pipelining limit
  void take_turn_later();
  void release_exchange();
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
  void wait_for_a_request();
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
  Transport transport_;
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
  bool heard_ = false;                   // whether the peer has sent anything
  bool reading_waits_for_room_ = false;  // TLS has to send before it can read on
  bool reading_later_ = false;
};

}  // namespace slipway::http::internal
