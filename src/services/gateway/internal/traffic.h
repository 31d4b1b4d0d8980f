// The request path of the whole gateway: what all loops share, and where a request begins.
#pragma once

#include <memory>

#include "services/gateway/internal/loop_state.h"
#include "system/http/exchange.h"

namespace slipway::gateway {

struct TrafficOptions {
  Duration timeout = std::chrono::seconds(30);
  size_t held_body_bytes = 64 << 10;  // larger bodies are not held for another try
  int tries = 2;                      // of one request, where the first may have been seen
  int moves = 8;                      // to another replica, where nothing was seen
};

class Traffic {
 public:
  Traffic(TrafficOptions options, const Published& published, telemetry::Registry& registry);

  // On the exchange's loop.
  void handle(http::Exchange& exchange, std::string_view deployment, std::string_view version);
  void list_models(http::Exchange& exchange);

  const TrafficOptions& options() const { return options_; }
  const Published& published() const { return published_; }
  telemetry::Counter& retries() { return retries_; }
  telemetry::Counter& refused(std::string_view reason);  // takes a lock: see LoopState::refused()
  int64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  void began() { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void ended() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  LoopState& state_of(http::Exchange& exchange);

  const TrafficOptions options_;
  const Published& published_;
  telemetry::Registry& registry_;
  telemetry::Counter& retries_;
  std::atomic<int64_t> in_flight_{0};
};

// {"error": message} with the headers slipway-refused and, where another try may help, Retry-After.
void refuse(http::Exchange& exchange, const Refusal& refusal);

}  // namespace slipway::gateway
