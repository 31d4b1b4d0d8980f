// Sends one request again and again, at a steady rate, whatever the answers take (an open loop): a request
// that is due while every connection is busy waits, and its latency counts from when it was due.
//
//   Caller caller(options, tally);
//   while (…) { poll caller.descriptor(); caller.step(now); }
//
// Connections are kept, and made anew when the other side ends one. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "system/http/address.h"
#include "system/os/descriptor.h"
#include "tally.h"

namespace slipway::load {

struct Options {
  http::Address to;
  std::string request;  // all its bytes
  double rate = 1000;   // a second
  size_t connections = 8;
  std::chrono::milliseconds timeout{30000};  // from when a request was due
};

class Caller {
 public:
  Caller(Options options, Tally& tally);

  // Readable when an answer came or a request is due.
  int descriptor() const { return epoll_.get(); }
  void step(Time now);
  // Sends nothing more; what was sent may still be answered.
  void finish();

 private:
  struct Connection {
    os::Descriptor socket;
    bool connecting = false, busy = false;
    Sent request;
    size_t written = 0;
    std::string got;
  };

  Status connect(Connection& connection);
  void send_due(Time now);
  void send(Connection& connection, const Sent& request, Time now);
  void write(Connection& connection, Time now);
  void handle(Connection& connection, uint32_t events, Time now);
  void read(Connection& connection, Time now);
  bool take_answer(Connection& connection, Time now);
  // The request on it, if any, has failed.
  void lose(Connection& connection, std::string_view kind, Time now);
  void give_up_late_ones(Time now);
  void set_timer();

  const Options options_;
  Tally& tally_;
  os::Descriptor epoll_, timer_;
  std::vector<Connection> connections_;
  std::deque<Sent> waiting_;
  Time next_due_, next_look_;
  std::chrono::nanoseconds gap_;
  bool finished_ = false;
};

}  // namespace slipway::load
