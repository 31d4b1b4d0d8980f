// The port to where replicas run: one machine's processes, a cluster's pods.
//
// An environment is told, a revision at a time, how many replicas run; it starts them, starts those again
// that end (1 s later, then 2 s, up to a minute), and stops those that are too many after they have answered
// what they had. What it was told outlives whoever told it: another instance over the same place finds it,
// and everything that runs.
//
// Threads: one at a time.
#pragma once

#include <string>

#include "values/base/result.h"
#include "values/domain/action.h"
#include "values/domain/observation.h"

namespace slipway::environment {

using domain::Action;
using domain::Observation;

class Environment {
 public:
  virtual ~Environment() = default;

  // What was told, what runs, what replicas and gateways say now. Also the moment at which what is due is
  // done: what ended is started again. Bounded in time, whoever hangs. kUnavailable: nothing can be seen now;
  // that is never the same as nothing being there.
  virtual Result<Observation> observe() = 0;

  // Takes it in, durably, and begins; observe() shows how far it came. Doing it again changes nothing.
  // kExhausted: there is no room for so many (nothing was begun), or the disk is full; kUnavailable: try
  // again.
  virtual Status apply(const Action& action) = 0;

  // Whether gateways learn from it where replicas answer. Else control publishes what it observes.
  virtual bool publishes_endpoints() const = 0;

  // How replicas are held to their limits here: "cgroup v2", for people.
  virtual std::string limits_text() const = 0;
};

}  // namespace slipway::environment
