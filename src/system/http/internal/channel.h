// A client's connection: waits for what its transport waits for.
//
// Threads: interrupt() from any, the rest from one at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <string_view>

#include "system/http/client.h"
#include "system/http/internal/transport.h"
#include "system/runtime/mutex.h"

namespace slipway::http::internal {

class Channel {
 public:
  Channel(const Url& url, const ClientOptions& options) : url_(url), options_(options) {}
  ~Channel() { close(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  Status open();
  bool is_open() const { return fd_ >= 0; }
  int descriptor() const { return fd_; }
  void close();
  void interrupt();
  Status go_on() const;  // fails once interrupted
  void wait_at_most(int timeout_ms) { timeout_ms_ = timeout_ms; }

  // Waits for bytes; 0: the peer said that it sends no more. kTimeout leaves everything as it is.
  Result<size_t> receive(std::span<char> into);
  // Without waiting.
  Moved receive_now(std::span<char> into, size_t& got) { return transport_.receive(into, got); }
  Moved send_now(std::string_view bytes, size_t& sent) { return transport_.send(bytes, sent); }
  // Until one of poll's events is there. Never fails for events: trying again says more.
  Status wait(short events);

 private:
  Status start_tls();

  const Url& url_;
  const ClientOptions& options_;
  SslContext context_;  // made for the first connection
  int timeout_ms_ = options_.timeout_ms;
  int fd_ = -1;
  Transport transport_;

  std::atomic<bool> interrupted_{false};
  runtime::Mutex mutex_;
  int shared_fd_ SLIPWAY_GUARDED_BY(mutex_) = -1;  // what interrupt() shuts down; never a closed one
};

}  // namespace slipway::http::internal
