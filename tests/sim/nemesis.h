// What breaks: each seed has its own few kinds of faults, at its own pace.
#pragma once

#include "tests/sim/world.h"

namespace slipway::sim {

class Nemesis {
 public:
  Nemesis(World& world, uint64_t seed);

  void begin(TimePoint end);
  // Everything that was broken is mended; what was struck may need its time.
  void stop();

 private:
  enum class Kind : uint8_t {
    kControlDies,
    kControlDiesAtAnEffect,
    kControlHangs,
    kGatewayDies,
    kGatewayMute,
    kGatewayCut,
    kReplicaDies,
    kReplicaHangs,
    kMachineRestarts,
    kWallJumps,
    kStoreSlow,
    kDiskFull,
    kBlind,
  };
  static constexpr int kKinds = 13;

  void strike();
  void strike(Kind kind);
  void strike_gateway(Kind kind);
  void strike_replica(Kind kind);
  void make_watches_unsteady();
  Duration down();

  World& world_;
  Random random_;
  TimePoint end_;
  Duration every_;
  std::vector<Kind> kinds_;
};

}  // namespace slipway::sim
