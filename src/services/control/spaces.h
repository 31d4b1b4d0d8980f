// Control's loops for all namespaces that have deployments: one of them each, over one list a kind.
//
// Threads: step() from one; `wake` is called from any.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/store/by_space.h"
#include "services/control/loops.h"

namespace slipway::control {

class Spaces {
 public:
  // Gives the environment of a namespace.
  using Environments = std::function<std::unique_ptr<environment::Environment>(const std::string& space)>;

  // `options.space` does not matter. All references must outlive it.
  Spaces(Options options, store::Store& store, Environments environments, const runtime::Clock& clock,
         telemetry::Registry& metrics, std::function<void()> wake);

  // Does what is due at `now`; gives the time of the next.
  TimePoint step(TimePoint now);

 private:
  struct Space {
    std::unique_ptr<environment::Environment> environment;
    std::unique_ptr<Loops> loops;
    TimePoint next{};
  };
  void open_new();

  const Options options_;
  const Environments environments_;
  const runtime::Clock& clock_;
  telemetry::Registry& metrics_;
  store::BySpace store_;
  std::map<std::string, Space> spaces_;  // a namespace that has become empty costs a look a second
  telemetry::Gauge& count_;
};

}  // namespace slipway::control
