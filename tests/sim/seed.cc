#include "tests/sim/seed.h"

#include "tests/sim/nemesis.h"
#include "tests/sim/people.h"

namespace slipway::sim {
namespace {

using namespace std::chrono_literals;

// The longest that anything still has to wait for after its last fault: a replica's pause, a deadline with
// its grace, a slow load, every step's hold, and what is kept.
constexpr Duration kSettles = 60s + 70s + 90s + 5min + 60s;

std::string come_to_rest(World& world, Nemesis& nemesis, People& people) {
  nemesis.stop();
  // Edits wait for control, as people would.
  for (int i = 0; i < 100 && !world.control.observed() && world.broken().empty(); ++i) world.run_for(100ms);
  people.calm_down();
  if (const std::string why = world.settle(kSettles); !why.empty()) return "it does not settle: " + why;
  world.run_for(5s);
  if (people.may_rest())
    if (const std::string why = world.rest(20s); !why.empty()) return "it does not rest: " + why;
  if (world.random.chance(50)) return {};
  people.remove_all();
  if (const std::string why = world.settle(60s); !why.empty()) return "it does not go: " + why;
  return {};
}

}  // namespace

Outcome run_seed(uint64_t seed, Trace::Keep keep) {
  Random random(seed);
  World world({.seed = random.next(),
               .gateways = random.chance(30) ? 2 : 1,
               .keep = keep,
               .call_every = random.between(30ms, 300ms),
               .memory_bytes = int64_t{2} << 30});
  People people(world, random.next());
  Nemesis nemesis(world, random.next());
  const TimePoint end = world.time.now() + random.between(40s, 150s);
  nemesis.begin(end);
  people.begin(end);
  world.run_for(end - world.time.now());
  std::string why = world.broken();
  if (why.empty()) why = come_to_rest(world, nemesis, people);
  if (world.broken().empty() && !why.empty()) world.trace.broken("{}", why);
  return {.broken = world.broken(),
          .simulated = world.time.since_start(),
          .requests = world.laws.counts().requests,

          .failed = world.laws.counts().failures,
          .guarded = world.laws.counts().guarded,
          .lines = world.trace.take_lines()};
}

}  // namespace slipway::sim
