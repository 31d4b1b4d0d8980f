// How a server goes away without losing a request, decided from values and `now`.
//
// Asked to stop, it says that it is not ready and goes on answering, because whoever routes to it learns that
// later; when nothing has arrived for `quiet` it closes its listener; when all is answered, or after
// `deadline`, it is done. Between the deadline and the end it refuses, so that the caller can go elsewhere.
#pragma once

#include "values/base/time.h"

namespace slipway::server {

enum class DrainState : uint8_t {
  kAnswering,  // not ready any more, but everything is answered
  kClosing,   // the listener is closed; what is in flight is answered, kept connections close with their next
              // answer
  kRefusing,  // past the deadline: what still arrives gets 503
  kDone       // the process may end
};

struct DrainOptions {
  Duration quiet{0};  // 0: a bare server, nobody has to learn that it goes
  Duration deadline = std::chrono::seconds(30);
};

struct DrainView {
  TimePoint now, started, last_arrival;
  int64_t in_flight = 0;
  int64_t connections = 0;  // open ones
};

DrainState next_drain_state(DrainState state, const DrainView& view, const DrainOptions& options);

}  // namespace slipway::server
