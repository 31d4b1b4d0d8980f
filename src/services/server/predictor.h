// Answers inference requests: body → tensors → run → answer. Cheap models run on the loop that read the
// request; unknown and dear ones on the workers, so that a cold run never holds up a loop's other
// connections.
//
// Threads: infer() on a loop's thread. The executor must have stopped before the predictor goes.
#pragma once

#include <atomic>
#include <functional>

#include "services/server/loaded_model.h"
#include "system/http/exchange.h"
#include "system/runtime/clock.h"
#include "system/runtime/executor.h"
#include "values/protocol/oip.h"

namespace slipway::server {

// slipway_server_refused_total of one reason.
telemetry::Counter& refused(telemetry::Registry& registry, std::string_view reason);

struct PredictOptions {
  size_t body_bytes = 64 << 20;
  size_t inline_body_bytes = 256 << 10;  // larger ones are parsed by a worker: a loop has others to serve
  Duration inline_time = std::chrono::microseconds(50);  // predicted runs up to this stay on the loop
  Duration run_time = std::chrono::seconds(10);          // a request's deadline, from its arrival
  protocol::OipLimits limits;
};

class Predictor {
 public:
  Predictor(PredictOptions options, runtime::Executor& executor, telemetry::Registry& registry,
            const runtime::Clock& clock);

  void infer(http::Exchange& exchange, const LoadedModel& model);

  // When the last request came, to the millisecond; the clock's zero when none did.
  TimePoint last_arrival() const {
    return TimePoint{Duration{last_arrival_.load(std::memory_order_relaxed)}};
  }
  int64_t arrivals() const { return static_cast<int64_t>(arrived_.value()); }
  int64_t in_flight() const { return arrivals() - static_cast<int64_t>(answered_.value()); }

 private:
  struct Job;

  void note_arrival(TimePoint received);
  enum class Where : uint8_t { kLoop, kWorker };
  void take_body(http::Exchange& exchange, const LoadedModel& model, std::string_view body, Where where);
  void hand_over(http::Exchange& exchange, const LoadedModel& model, std::function<void()> work);
  void run(const Job& job);
  void answer(const Job& job, std::span<backend::OutputSlot> outputs);
  void answer_error(http::Exchange& exchange, const LoadedModel& model, const Error& error);

  const PredictOptions options_;
  runtime::Executor& executor_;
  const runtime::Clock& clock_;
  telemetry::Counter arrived_, answered_;
  std::atomic<int64_t> last_arrival_{0};
  telemetry::Counter &queue_full_, &expired_, &out_of_memory_;
};

}  // namespace slipway::server
