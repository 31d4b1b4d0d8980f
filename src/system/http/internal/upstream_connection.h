// One connection to an upstream: idle, or with one request on its way.
#pragma once

#include <memory>
#include <string>

#include "system/http/internal/parser.h"
#include "system/http/upstream.h"

namespace slipway::http::internal {

class UpstreamConnection final : public runtime::EventLoop::Handler, public UpstreamCall {
 public:
  UpstreamConnection(Upstreams& owner, int fd, std::shared_ptr<Upstreams::Peer> peer, bool connected);
  ~UpstreamConnection();

  Status start();
  void begin(const UpstreamRequest& request, UpstreamCaller& caller);
  void rest();  // kept, until it is used or its time is up
  void close();

  void on_ready(uint32_t events) override;
  bool write(std::string_view piece, bool last) override;
  void pause() override;
  void resume() override;
  void cancel() override;
  bool is_reused() const override { return requests_ > 1; }

 private:
  enum class State : uint8_t { kConnecting, kSending, kIdle, kClosed };
  enum class Body : uint8_t { kNone, kLength, kChunked, kUntilEnd };

  void append_head(const UpstreamRequest& request);
  void send_first(std::string_view body);
  ssize_t send_with(std::string_view body) const;
  void flush();
  void read();
  void process();
  bool take_head();  // false: more bytes are needed, or it failed
  bool take_interim();
  void decide_body();
  void give_answer();
  void give_pieces();
  std::string_view take_body(bool& last);
  void complete();
  void ended();  // the peer sends no more
  void fault(UpstreamFault fault);
  void wait_for(uint32_t events);
  void look_away();
  void deadline_at(TimePoint deadline);
  void on_time();
  std::string_view input() const { return {block_.get() + begin_, end_ - begin_}; }

  Upstreams& owner_;
  const int fd_;
  const std::shared_ptr<Upstreams::Peer> peer_;
  State state_;
  uint32_t events_ = 0;
  bool watched_ = true;  // by the loop
  runtime::EventLoop::Timer timer_;
  TimePoint deadline_ = TimePoint::max(), armed_for_ = TimePoint::max(), request_deadline_{};

  UpstreamCaller* caller_ = nullptr;
  int requests_ = 0;
  base::Method method_ = base::Method::kGet;
  std::string out_;
  size_t out_sent_ = 0;
  bool body_is_chunked_ = false, sent_all_ = false, waiting_for_room_ = false, paused_ = false;

  std::unique_ptr<char[]> block_;
  size_t begin_ = 0, end_ = 0, scanned_ = 0;
  Parser parser_{Parser::Of::kAnswers};
  bool heard_ = false, has_head_ = false, told_ = false, keep_alive_ = false;
  Body body_ = Body::kNone;
  uint64_t left_ = 0;  // of a body with a length
  std::string piece_;  // of a chunked body, without its framing
  bool body_done_ = false;
};

}  // namespace slipway::http::internal
