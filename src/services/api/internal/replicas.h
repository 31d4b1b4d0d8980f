// The routes below `pods`: which replicas there are, and what they wrote.
#pragma once

#include "services/api/api.h"
#include "services/api/internal/log_streams.h"

namespace slipway::api {

class Replicas {
 public:
  // `observed`: whether what runs has been seen; nothing is said of it before.
  Replicas(LogSource source, const runtime::Clock& clock, const std::atomic<bool>& observed)
      : source_(std::move(source)), clock_(clock), observed_(observed), streams_({}, source_) {}

  void list(http::Exchange& exchange, const std::string& space) const;
  void get(http::Exchange& exchange, const std::string& space, const std::string& name) const;
  void log(http::Exchange& exchange, const std::string& space, const std::string& name);
  void stop() { streams_.stop(); }

 private:
  std::vector<domain::ReplicaObserved> all(const std::string& space) const;

  const LogSource source_;
  const runtime::Clock& clock_;
  const std::atomic<bool>& observed_;
  LogStreams streams_;
};

}  // namespace slipway::api
