// People: they deploy, change versions, scale, pause, go back, delete; and what they deploy is not always
// good.
#pragma once

#include "tests/sim/world.h"

namespace slipway::sim {

class People {
 public:
  People(World& world, uint64_t seed);

  // Pushes versions, makes the first deployments and goes on until `end`.
  void begin(TimePoint end);
  // Wants only what can be: good versions, nothing paused.
  void calm_down();
  void remove_all();
  // Nothing serves that ends or hangs by itself.
  bool may_rest() const;

 private:
  domain::ModelDeploymentSpec a_spec();
  void a_rollout(domain::RolloutSpec& rollout);
  Script a_script();
  void act();
  void change(const std::string& name);
  int64_t a_good_version() const;
  bool is_good(int64_t version) const;
  bool is_never_ready(int64_t version) const;

  World& world_;
  mutable Random random_;
  TimePoint end_{};
  Duration every_;
  int good_percent_;
  std::vector<std::string> names_;
};

}  // namespace slipway::sim
