// The port to where replicas run: one machine's processes, a cluster's pods.
//
// An environment is told, a revision at a time, how many replicas run; it starts them, starts those again
// that end (1 s later, then 2 s, up to a minute), and stops those that are too many after they have answered
// what they had. What it was told outlives whoever told it: another instance over the same place finds it,
// and everything that runs.
//
// Threads: one at a time.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "values/base/result.h"
#include "values/domain/action.h"
#include "values/domain/observation.h"

namespace slipway::environment {

using domain::Action;
using domain::Fault;
using domain::Observation;

// It was taken in, or the reason why nothing was begun.
using Applied = tl::expected<void, Fault>;
inline tl::unexpected<Fault> refuse(Fault fault) { return tl::unexpected<Fault>(std::move(fault)); }

class Environment {
 public:
  virtual ~Environment() = default;

  // What was told, what runs, what replicas and gateways say now. Also the moment at which what is due is
  // done: what ended is started again. Bounded in time, whoever hangs. kUnavailable: nothing can be seen now;
  // that is never the same as nothing being there.
  virtual Result<Observation> observe() = 0;

  // Takes it in, durably, and begins; observe() shows how far it came. Doing it again changes nothing, and
  // what was refused may be asked for again later.
  virtual Applied apply(const Action& action) = 0;
  // Several, each of another revision; as if one by one, and at once where that is faster.
  virtual std::vector<Applied> apply_all(std::span<const Action> actions) {
    std::vector<Applied> out;
    for (const Action& action : actions) out.push_back(apply(action));
    return out;
  }

  // Whether gateways learn from it where replicas answer. Else control publishes what it observes.
  virtual bool publishes_endpoints() const = 0;

  // How replicas are held to their limits here: "cgroup v2", for people.
  virtual std::string limits_text() const = 0;
};

}  // namespace slipway::environment
