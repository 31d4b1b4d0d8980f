#include "services/control/spaces.h"

#include <algorithm>

namespace slipway::control {

using domain::Kind;

Spaces::Spaces(Options options, store::Store& store, Environments environments, const runtime::Clock& clock,
               telemetry::Registry& metrics, std::function<void()> wake)
    : options_(std::move(options)),
      environments_(std::move(environments)),
      clock_(clock),
      metrics_(metrics),
      store_(store, {Kind::kModelDeployment, Kind::kModelVersion}, std::move(wake)),
      count_(metrics.gauge("slipway_control_namespaces", "Namespaces that have, or had, deployments.")) {}

void Spaces::open_new() {
  for (const std::string& name : store_.spaces(Kind::kModelDeployment)) {
    if (spaces_.contains(name)) continue;
    Options options = options_;
    options.space = name;
    Space& space = spaces_[name];
    space.environment = environments_(name);
    space.loops = std::make_unique<Loops>(std::move(options), store_, *space.environment, clock_, metrics_);
  }
  count_.set(static_cast<double>(spaces_.size()));
}

// One that has news steps at once; all others when they said.
TimePoint Spaces::step(TimePoint now) {
  const auto news = store_.pump();
  open_new();
  TimePoint next = now + options_.observe_every;
  for (auto& [name, space] : spaces_) {
    if (news.contains(name) || now >= space.next) space.next = space.loops->step(now);
    next = std::min(next, space.next);
  }
  return next;
}

}  // namespace slipway::control
