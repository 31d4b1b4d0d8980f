// The gateway: every deployment of a namespace under one address.
//
//   Gateway gateway(options, store, clock);
//   gateway.start();
//   … every few milliseconds or when woken: gateway.step(clock.now()) …
//   gateway.begin_drain(); while (!gateway.drain_step(clock.now())) wait a little;
//
// Threads: all calls from one owner thread, but wake(), which the store's watches call from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ports/store/store.h"
#include "system/admin/admin.h"
#include "system/http/router.h"
#include "system/http/server.h"

namespace slipway::gateway {

struct Options {
  http::Address listen;
  std::vector<http::Address> admin;  // where probes, /metrics and /observed are answered
  std::string space = "default";     // the namespace
  std::string sockets;               // the folder that "<id>.sock" addresses are resolved below
  std::string lists;                 // the folder that the two lists are kept in
  int loops = 1;
  size_t request_memory = 256 << 20;                   // that all requests may hold together
  Duration timeout = std::chrono::seconds(30);         // of a request whose deployment says nothing
  Duration catch_up = std::chrono::milliseconds(250);  // to wait for the lists at the start, at most
  Duration drain_quiet{0};  // without a request, before a gateway that ends stops to listen
  Duration drain_deadline = std::chrono::seconds(30);
  std::string software_version = "0";
  http::Limits limits;
};

class Lists;
class Traffic;

class Gateway {
 public:
  // `store` and `clock` must outlive it. `wake`: step() has something to do; from any thread.
  Gateway(Options options, store::Store& store, const runtime::Clock& clock, std::function<void()> wake);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Reads the lists of the last time, waits a moment for newer ones, then listens.
  Status start();
  const http::Address& address() const { return main_.address(); }
  const http::Address& admin_address(size_t i) const { return admin_.at(i)->address(); }

  // Takes in what the watches brought; gives the time of the next call at the latest.
  TimePoint step(TimePoint now);
  // The store has moved: its watches are opened anew. What is known stands meanwhile.
  void reopen();

  // Not ready any more, but answering until nobody has asked for a while: whoever sends here learns later
  // that it shall not. Then the listener closes, and what has begun is finished.
  void begin_drain();
  bool drain_step(TimePoint now);  // true: all is answered, or the deadline has passed
  void stop();

 private:
  // Knows where to send, and wants requests.
  bool is_ready() const;
  std::vector<http::Route> model_routes();
  std::vector<http::Route> own_routes();
  std::vector<http::Route> admin_routes();
  void count_http();
  bool is_quiet(TimePoint now);
  void catch_up();

  const Options options_;
  const runtime::Clock& clock_;
  telemetry::Registry registry_;
  base::Budget budget_;
  std::unique_ptr<Lists> lists_;
  std::unique_ptr<Traffic> traffic_;
  http::Router router_;
  http::Server main_;
  std::vector<std::unique_ptr<admin::AdminServer>> admin_;
  std::atomic<bool> draining_{false};
  TimePoint drain_started_, last_request_, closing_since_;
  uint64_t requests_seen_ = 0;
  bool closing_ = false;
};

}  // namespace slipway::gateway
