// Callers: they send requests at a rate through the gateways to the replicas, and count what comes back.
#pragma once

#include <deque>

#include "tests/sim/gateway.h"
#include "tests/sim/laws.h"

namespace slipway::sim {

class Traffic {
 public:
  struct Parts {
    Timeline& time;
    environment::FakePlace& place;
    std::vector<std::unique_ptr<Gateway>>& gateways;
    Laws& laws;
    Trace& trace;
  };
  Traffic(Parts parts, uint64_t seed) : parts_(parts), random_(seed) {}

  // Sends from now on, until stop().
  void call(const std::string& deployment, Duration every);
  void stop(const std::string& deployment);

  Duration timeout{std::chrono::seconds(10)};
  int64_t answered = 0, failed = 0, lost_with_gateway = 0;
  std::map<std::string, int64_t> by_revision;  // answers

 private:
  struct Caller {
    std::string deployment;
    Duration every{};
    bool calls = true, waits = false;
  };
  struct Request {
    const Caller* caller = nullptr;
    Gateway* gateway = nullptr;
    uint64_t gateway_number = 0, life = 0;
    TargetPtr target, tried;
    TimePoint arrived, sent, known;  // known: as of when the gateway knew what it sent by
    int tries = 0, moves = 0, victims = 0;
  };
  void next(Caller& caller);
  void arrive(size_t request);
  void send(size_t request);
  void finish(size_t request);
  void time_out(size_t request);
  void broke(size_t request);
  void fail(size_t request, std::string why);
  void give_back(size_t request);
  bool lost(size_t request);
  size_t take();

  const Parts parts_;
  Random random_;
  std::deque<Caller> callers_;
  std::deque<Request> requests_;
  std::vector<size_t> spare_;
};

}  // namespace slipway::sim
