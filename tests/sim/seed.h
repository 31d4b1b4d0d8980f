// One seed's story: people who change their minds while things break, then calm, then rest.
#pragma once

#include <string>
#include <vector>

#include "tests/sim/trace.h"

namespace slipway::sim {

struct Outcome {
  std::string broken;  // empty: every law held
  Duration simulated{0};
  int64_t requests = 0, failed = 0, guarded = 0;
  std::vector<std::string> lines;  // when they were to be kept
};

Outcome run_seed(uint64_t seed, Trace::Keep keep);

}  // namespace slipway::sim
