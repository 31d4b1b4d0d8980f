#include "tests/sim/traffic.h"

namespace slipway::sim {
namespace {

using Arrival = environment::FakePlace::Arrival;
using namespace std::chrono_literals;

constexpr int kTries = 2, kMoves = 8;  // as the gateway's

}  // namespace

void Traffic::call(const std::string& deployment, Duration every) {
  for (Caller& caller : callers_)
    if (caller.deployment == deployment) {
      caller.calls = true;
      if (!caller.waits) next(caller);
      return;
    }
  next(callers_.emplace_back(Caller{deployment, every}));
}

void Traffic::stop(const std::string& deployment) {
  for (Caller& caller : callers_)
    if (caller.deployment == deployment) caller.calls = false;
}

void Traffic::next(Caller& caller) {
  const Duration wait = random_.between(Duration{0}, 2 * caller.every);
  caller.waits = true;
  parts_.time.after(wait, [this, &caller] {
    caller.waits = false;
    if (!caller.calls) return;
    const size_t request = take();
    requests_[request] = {.caller = &caller, .target = {}, .tried = {}, .arrived = parts_.time.now()};
    requests_[request].gateway =
        parts_.gateways[static_cast<size_t>(random_.below(static_cast<int>(parts_.gateways.size())))].get();
    arrive(request);
    next(caller);
  });
}

// Its socket outlives a gateway: whoever connects meanwhile waits in its backlog.
void Traffic::arrive(size_t number) {
  Request& request = requests_[number];
  if (!request.gateway->up()) return parts_.time.after(50ms, [this, number] { arrive(number); });
  request.gateway_number = request.gateway->number();
  send(number);
}

void Traffic::send(size_t number) {
  Request& request = requests_[number];
  while (true) {
    TargetPtr target = request.gateway->choose(request.caller->deployment, request.tried.get());
    if (!target && request.tried) target = request.gateway->choose(request.caller->deployment, nullptr);
    if (!target) return fail(number, "nobody is ready");
    request.gateway->begin(target);
    request.target = target;
    request.sent = parts_.time.now();
    request.known = request.gateway->alone_since().value_or(request.sent);
    const auto taken = parts_.place.arrive(target->address);
    if (taken.arrival == Arrival::kTaken) {
      request.life = taken.process->life;
      const Duration takes = random_.chance(2) ? random_.between(500ms, 4s) : random_.between(1ms, 20ms);
      return parts_.time.after(takes, [this, number] { finish(number); });
    }
    if (taken.arrival == Arrival::kSilent) {
      ++request.victims;
      return parts_.time.at(request.arrived + timeout, [this, number] { time_out(number); });
    }
    request.gateway->end(target, request.gateway_number);
    balance::end_broken(target->load, parts_.time.now());
    request.tried = std::move(request.target);
    if (++request.moves > kMoves) return fail(number, "nobody takes it");
  }
}

// Whoever waits for a gateway that has died has lost his request with it.
bool Traffic::lost(size_t number) {
  Request& request = requests_[number];
  if (request.gateway->up() && request.gateway->number() == request.gateway_number) return false;
  ++lost_with_gateway;
  give_back(number);
  return true;
}

void Traffic::finish(size_t number) {
  Request& request = requests_[number];
  const bool well = parts_.place.finish(request.target->address, request.life);
  if (lost(number)) return;
  const TimePoint now = parts_.time.now();
  request.gateway->end(request.target, request.gateway_number);
  if (!well) return broke(number);
  balance::end_well(request.target->load, now - request.sent);
  ++answered;
  if (parts_.trace.keeps(Trace::Keep::kDecisions)) ++by_revision[request.target->revision];
  parts_.laws.answered(*request.gateway, request.caller->deployment, *request.target, request.known);
  give_back(number);
}

void Traffic::broke(size_t number) {
  Request& request = requests_[number];
  balance::end_broken(request.target->load, parts_.time.now());
  request.tried = std::move(request.target);
  ++request.victims;
  if (++request.tries < kTries) return send(number);
  fail(number, "its replicas went away");
}

void Traffic::time_out(size_t number) {
  Request& request = requests_[number];
  if (lost(number)) return;
  request.gateway->end(request.target, request.gateway_number);
  balance::end_otherwise(request.target->load);
  fail(number, "its replica did not answer in time");
}

void Traffic::fail(size_t number, std::string why) {
  const Request& request = requests_[number];
  ++failed;
  parts_.laws.failed({.gateway = *request.gateway,
                      .deployment = request.caller->deployment,
                      .why = std::move(why),
                      .victims = request.victims});
  give_back(number);
}

size_t Traffic::take() {
  if (spare_.empty()) {
    requests_.emplace_back();
    return requests_.size() - 1;
  }
  const size_t number = spare_.back();
  spare_.pop_back();
  return number;
}

void Traffic::give_back(size_t number) {
  requests_[number] = {};
  spare_.push_back(number);
}

}  // namespace slipway::sim
