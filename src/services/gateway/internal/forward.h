// One request on its way: to a replica, once to another if need be, and its answer back.
//
// Tried again until the first byte of an answer, while its body is held. What was refused or closed before it
// was seen costs no try; neither does a replica that says it is draining, or still loading. Larger bodies go
// to a replica that has said that it wants them (Expect: 100-continue), so up to then they can go elsewhere
// too.
//
// Lives on its loop; one is used for many requests, one after the other.
#pragma once

#include <memory>
#include <string>

#include "services/gateway/internal/loop_state.h"
#include "system/http/exchange.h"

namespace slipway::gateway {

class Forward final : public http::UpstreamCaller {
 public:
  explicit Forward(LoopState& state) : state_(state) {}

  // Leads to exactly one answer. `self` is given back to the loop's state when it is over.
  static void begin(std::unique_ptr<Forward> self, http::Exchange& exchange, const Wanted& wanted);

  void on_continue() override;
  void on_room() override;
  void on_answer(const http::UpstreamAnswer& answer) override;
  void on_piece(std::string_view piece, bool last) override;
  void on_fault(http::UpstreamFault fault) override;

 private:
  enum class Outcome : uint8_t { kWell, kBroken, kOther };

  void start(http::Exchange& exchange, const Wanted& wanted);
  void take_body();
  void send();
  void try_again();
  void read_on();
  void stream_piece(Result<http::Exchange::Piece> piece);
  bool may_move() const { return answerable_ && !streaming_started_; }
  bool turns_away(const http::UpstreamAnswer& answer) const;
  void pass_head(const http::UpstreamAnswer& answer);
  void pass_piece(std::string_view piece, bool last);
  void caller_gone();
  void refuse(int status, std::string reason, std::string message);
  void let_go(Outcome outcome);  // of the replica
  http::Exchange* let_go_of_exchange();
  void answered(int status);
  void end();
  http::UpstreamRequest request() const;
  runtime::EventLoop& loop() { return state_.loop(); }

  LoopState& state_;
  http::ExchangePtr exchange_;
  Wanted wanted_;
  Choice choice_;
  const Target* tried_ = nullptr;
  std::shared_ptr<Target> tried_kept_;
  http::UpstreamCall* call_ = nullptr;
  std::string_view body_;
  std::optional<uint64_t> streamed_;  // the body is not held: its length, or kUnknownLength
  TimePoint deadline_, sent_;
  int tries_ = 0, moves_ = 0;
  http::Upstreams::Reuse reuse_ = http::Upstreams::Reuse::kAllowed;
  bool answerable_ = true;          // no byte of an answer has gone to the caller
  bool streaming_started_ = false;  // some of the body has left and is gone
  bool counted_ = false;
};

}  // namespace slipway::gateway
