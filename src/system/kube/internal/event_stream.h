// The events of one watch connection: lines of JSON, within a limit. Threads: interrupt() from any;
// everything else from one at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "system/kube/internal/connection.h"
#include "system/kube/watch.h"

namespace slipway::kube::internal {

class EventStream {
 public:
  EventStream(const Access& access, http::ClientOptions options, ApiMetrics* metrics, size_t line_bytes)
      : connection_(access, std::move(options), metrics), line_bytes_(line_bytes) {}

  Reply<void> begin(const std::string& target);
  // Nothing: the server has completed the stream. An ERROR event is an ApiError.
  Reply<std::optional<WatchEvent>> next();
  void interrupt() { connection_.interrupt(); }

 private:
  Result<std::optional<std::string_view>> line();

  Connection connection_;
  const size_t line_bytes_;
  std::string held_;  // what was read; the lines before `used_` are done
  size_t used_ = 0;
  size_t searched_ = 0;  // no line ends before
  bool complete_ = false;
};

// One line.
Reply<WatchEvent> read_event(std::string_view line);

}  // namespace slipway::kube::internal
