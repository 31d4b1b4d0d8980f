#include "tests/sim/nemesis.h"

namespace slipway::sim {

using namespace std::chrono_literals;

Nemesis::Nemesis(World& world, uint64_t seed)
    : world_(world), random_(seed), every_(random_.between(1s, 15s)) {
  for (int kind = 0; kind < kKinds; ++kind)
    if (random_.chance(35)) kinds_.push_back(static_cast<Kind>(kind));
}

void Nemesis::begin(TimePoint end) {
  end_ = end;
  if (random_.chance(60)) make_watches_unsteady();
  if (!kinds_.empty()) world_.time.after(random_.between(Duration{0}, 2 * every_), [this] { strike(); });
}

void Nemesis::make_watches_unsteady() {
  const Duration latest = random_.between(1ms, 1500ms);
  const auto some = [&](int most) { return random_.chance(50) ? random_.between(0, most) : 0; };
  const auto options = [&](bool old_lists) {
    return store::FaultyStore::Options{.late = some(500),
                                       .twice = some(200),
                                       .overtaken = some(500),
                                       .broken = some(50),
                                       .old_list = old_lists ? some(300) : 0,
                                       .latest = latest};
  };
  world_.laws.late = 3 * latest;
  world_.control.store_faults = options(true);
  for (const auto& gateway : world_.gateways) gateway->store_faults = options(false);
  // What is open already is as steady as it was.
  world_.control.crash();
  world_.control.start();
  for (const auto& gateway : world_.gateways) {
    gateway->die();
    gateway->start();
  }
}

void Nemesis::strike() {
  if (world_.time.now() >= end_) return;
  strike(kinds_[static_cast<size_t>(random_.below(static_cast<int>(kinds_.size())))]);
  world_.time.after(random_.between(Duration{0}, 2 * every_), [this] { strike(); });
}

Duration Nemesis::down() { return random_.chance(80) ? random_.between(20ms, 2s) : random_.between(2s, 40s); }

void Nemesis::strike(Kind kind) {
  Control& control = world_.control;
  world_.laws.disturbed();
  switch (kind) {
    case Kind::kControlDies:
      if (!control.up()) return;
      control.crash();
      return control.start_after(down());
    case Kind::kControlDiesAtAnEffect:
      return control.crash_at(random_.below(6),
                              random_.chance(50) ? Control::Side::kBefore : Control::Side::kAfter, down());
    case Kind::kControlHangs:
      return control.hang_for(random_.between(100ms, 60s));
    case Kind::kGatewayDies:
    case Kind::kGatewayMute:
    case Kind::kGatewayCut:
      return strike_gateway(kind);
    case Kind::kReplicaDies:
    case Kind::kReplicaHangs:
      return strike_replica(kind);
    case Kind::kMachineRestarts:
      return world_.restart_machine(random_.between(500ms, 5s));
    case Kind::kWallJumps:
      world_.trace.happened("the wall's clock jumps");
      return world_.time.jump_wall((random_.chance(50) ? 1 : -1) *
                                   (random_.chance(50) ? Duration{24h} * 3650 : Duration{1h}));
    case Kind::kStoreSlow:
      world_.trace.happened("the store fails writes");
      control.faults = {.write_fails = random_.between(0, 500),
                        .write_unknown = random_.between(0, 300),
                        .write_conflict = random_.between(0, 300)};
      return world_.time.after(random_.between(100ms, 10s), [this] {
        world_.control.faults = {};
        world_.laws.disturbed();
      });
    case Kind::kDiskFull:
      world_.trace.happened("the disk is full");
      world_.place.full = true;
      return world_.time.after(random_.between(100ms, 20s), [this] {
        world_.place.full = false;
        world_.laws.disturbed();
      });
    case Kind::kBlind:
      world_.trace.happened("what runs is hard to see");
      control.faults.observe_fails = random_.between(300, 1000);
      control.faults.apply_fails = random_.between(0, 500);
      return world_.time.after(random_.between(100ms, 10s), [this] {
        world_.control.faults = {};
        world_.laws.disturbed();
      });
  }
}

void Nemesis::strike_gateway(Kind kind) {
  Gateway& gateway =
      *world_.gateways[static_cast<size_t>(random_.below(static_cast<int>(world_.gateways.size())))];
  if (kind == Kind::kGatewayMute) return gateway.mute(random_.between(500ms, 40s));
  if (kind == Kind::kGatewayCut) return gateway.cut(random_.between(500ms, 40s));
  if (!gateway.up()) return;
  gateway.die();
  gateway.start_after(random_.chance(90) ? random_.between(10ms, 500ms) : random_.between(1s, 30s));
}

void Nemesis::strike_replica(Kind kind) {
  const auto& processes = world_.place.processes();
  if (processes.empty()) return;
  auto at = processes.begin();
  std::advance(at, random_.below(static_cast<int>(processes.size())));
  const std::string replica = at->second.replica;
  world_.trace.happened("{} is {}", replica, kind == Kind::kReplicaDies ? "killed" : "stopped");
  if (kind == Kind::kReplicaDies) return world_.place.kill(replica);
  world_.place.hang(replica);
}

void Nemesis::stop() {
  end_ = {};
  world_.trace.happened("all is mended");
  world_.control.faults = {};
  world_.control.store_faults = {};
  world_.control.mend();
  world_.place.full = false;
  for (const auto& gateway : world_.gateways) {
    gateway->store_faults = {};
    gateway->mend();
  }
  world_.laws.disturbed();
}

}  // namespace slipway::sim
