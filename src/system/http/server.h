// An HTTP/1.1 server: one listener, one acceptor thread that hands each connection to the loop with the
// fewest, loop threads that run each request to completion.
//
// Threads: start(), drain(), stop() and the destructor from one owner thread; the rest from any. Handlers run
// on loop threads; who answers from threads of their own must have finished before the server is destroyed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "system/http/address.h"
#include "system/http/exchange.h"
#include "system/http/tls.h"
#include "system/runtime/clock.h"
#include "values/base/arena.h"

namespace slipway::http {

struct Limits {
  size_t header_bytes = 16 << 10;    // request line and headers: 431 beyond
  size_t headers = 100;              // 431 beyond
  size_t target_bytes = 8 << 10;     // 414 beyond
  size_t pipelined = 16;             // requests answered before other connections get their turn
  size_t output_bytes = 256 << 10;   // waiting to be sent; nothing more is read or taken beyond
  size_t drained_bytes = 256 << 10;  // of a body that nobody read; beyond it the connection is closed
  size_t connections = 10'000;       // further ones are closed at once
  Duration header_time = std::chrono::seconds(10);  // from a head's first byte to its last: 408 beyond
  Duration body_grace = std::chrono::seconds(10);   // before a body's rate is judged
  size_t body_bytes_per_second = 1024;              // the slowest sender: kTimeout to who reads below it
  Duration write_time = std::chrono::seconds(20);   // without progress
  Duration idle_time = std::chrono::seconds(75);    // between requests
};

struct ServerOptions {
  Address address;
  int loops = 1;
  Limits limits;
  std::string name = "http";             // of the threads
  base::Budget* budget = nullptr;        // what requests' bodies and arenas may hold together; may be null
  std::shared_ptr<const TlsServer> tls;  // null: plain HTTP; a request in plain HTTP is refused otherwise
};

// Totals since the start.
struct Counters {
  uint64_t connections = 0;  // accepted
  uint64_t open = 0;         // now
  uint64_t requests = 0;     // answered
  uint64_t refused = 0;      // by this room: malformed, too large, too slow
  uint64_t bytes_in = 0, bytes_out = 0;
};

class Server {
 public:
  Server(ServerOptions options, Handler handler, const runtime::Clock& clock);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status start();
  const Address& address() const { return bound_; }  // with the port that the system picked

  // Goes on accepting, and says `Connection: close` on further answers: who comes again may be sent
  // elsewhere.
  void keep_no_connection();
  // Stops accepting, closes idle connections, and says `Connection: close` on further answers.
  void drain();
  // Ends every connection at once and joins the threads.
  void stop();

  Counters counters() const;
  // The loop that made no round for longest, for liveness: idle loops wake up at least every few seconds.
  TimePoint slowest_loop() const;

 private:
  struct Loop;
  class Acceptor;

  ServerOptions options_;
  Handler handler_;
  const runtime::Clock& clock_;
  Address bound_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace slipway::http
