// The whole platform in simulated time: control's real loops, the real route table and balancing, replicas,
// callers, people; every step follows from one seed.
//
//   World world({.seed = 7});
//   world.add_version("score", 1, {});
//   world.deploy("credit", {.model = "score", .version = 1});
//   world.run_for(10s);
//   EXPECT_EQ(world.broken(), "");
#pragma once

#include "adapters/local/local.h"
#include "tests/sim/control.h"
#include "tests/sim/gateway.h"
#include "tests/sim/laws.h"
#include "tests/sim/traffic.h"

namespace slipway::sim {

using environment::Script;

class World {
 public:
  struct Options {
    uint64_t seed = 1;
    int gateways = 1;
    Trace::Keep keep = Trace::Keep::kNothing;
    Duration call_every = std::chrono::milliseconds(50);  // by the callers of a deployment
    int64_t memory_bytes = int64_t{1} << 40;
  };

  explicit World(const Options& options);

  // What people do; false: the API does not answer, or somebody else was first.
  void add_version(const std::string& model, int64_t version, const Script& script);
  bool deploy(const std::string& name, const domain::ModelDeploymentSpec& spec);
  bool edit(const std::string& name, const std::function<void(domain::ModelDeploymentSpec&)>& change);
  bool remove(const std::string& name);
  bool lose_status(const std::string& name);
  const Script* script_of(const std::string& model, int64_t version) const;

  // Runs until then, or until a law is broken.
  void run_for(Duration time);
  // Runs until all is as it should be. Empty, or what is not by then.
  std::string settle(Duration within);
  // Nothing may be written or told meanwhile. Empty, or what was.
  std::string rest(Duration time);

  void restart_machine(Duration down);
  const std::string& broken() const { return trace.broken(); }

  Timeline time;
  Random random;
  Trace trace;

 private:
  std::unique_ptr<local::Local> disk_;
  std::map<std::string, Script> scripts_;  // by digest
  uint64_t uids_ = 0;
  const Options options_;

 public:
  environment::FakePlace place;
  Control control;
  std::vector<std::unique_ptr<Gateway>> gateways;
  Laws laws;
  Traffic traffic;

 private:
  void tick();
};

std::string digest_of(const std::string& model, int64_t version);

}  // namespace slipway::sim
