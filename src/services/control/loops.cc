#include "services/control/loops.h"

#include <algorithm>
#include <array>

#include "system/runtime/log.h"

namespace slipway::control {
namespace {

using domain::ReplicaState;
using namespace std::chrono_literals;

constexpr Duration kPullAgain = 1s;  // after a watch that could not be opened
constexpr ReplicaState kStates[] = {ReplicaState::kPreparing,  ReplicaState::kStarting,
                                    ReplicaState::kReady,      ReplicaState::kDraining,
                                    ReplicaState::kBackingOff, ReplicaState::kHanging};

}  // namespace

Loops::Loops(Options options, store::Store& store, environment::Environment& environment,
             const runtime::Clock& clock, telemetry::Registry& metrics, std::function<void()> wake)
    : options_(std::move(options)),
      environment_(environment),
      clock_(clock),
      metrics_(metrics),
      started_(clock.now()),
      started_wall_(clock.wall()),
      deployment_mirror_(store, store::Kind::kModelDeployment, options_.space, wake),
      version_mirror_(store, store::Kind::kModelVersion, options_.space, wake),
      recorder_({}, store, metrics),
      deployments_({.space = options_.space, .rollout = options_.rollout, .run_all = options_.run_all},
                   {.store = store,
                    .environment = environment,
                    .recorder = recorder_,
                    .metrics = metrics,
                    .deployments = deployment_mirror_,
                    .versions = version_mirror_}),
      endpoints_(options_.space, store),
      queue_({.seed = options_.seed}),
      succeeded_(
          metrics.counter("slipway_control_reconciles", "Passes over a deployment.", {{"result", "ok"}})),
      failed_(
          metrics.counter("slipway_control_reconciles", "Passes over a deployment.", {{"result", "failed"}})),
      lost_(metrics.counter("slipway_control_reconciles", "Passes over a deployment.",
                            {{"result", "conflict"}})),
      observe_failures_(
          metrics.counter("slipway_control_observe_failures", "Times that what runs could not be seen.")),
      waiting_(metrics.gauge("slipway_control_queue", "Deployments that wait to be looked at.")),
      observe_seconds_(
          metrics.gauge("slipway_control_observe_seconds", "How long the last look at what runs took.")) {
  observed_at_ = started_ - options_.observe_every;
}

Loops::~Loops() = default;

TimePoint Loops::step(TimePoint now) {
  take_in(now);
  // What was told since the last look makes it old: a decision on it would be one on what no longer is.
  const bool acted = deployments_.take_acted();
  if (acted) current_ = false;
  if (acted || now - observed_at_ >= look_every()) observe(now);
  // Before both lists are complete, what is missing in them may only not have come yet.
  const bool decides = current_ && deployment_mirror_.synced() && version_mirror_.synced();
  while (decides) {
    std::vector<std::string> keys;
    while (keys.size() < options_.batch) {
      auto key = queue_.take(now);
      if (!key) break;
      keys.push_back(std::move(*key));
    }
    if (keys.empty()) break;
    work(keys, now);
  }
  waiting_.set(static_cast<double>(queue_.waiting()));
  TimePoint next = observed_at_ + look_every();
  if (const auto due = queue_.next(); due && decides) next = std::min(next, *due);
  return std::max(next, now + 1ms);
}

// What was told may show at once; what is in change is looked at more often.
Duration Loops::look_every() const {
  return !current_ || deployments_.any_changing() ? options_.observe_soon : options_.observe_every;
}

void Loops::take_in(TimePoint now) {
  if (now < pull_at_) return;
  const bool versions = take_in_versions(now);
  const bool deployments = take_in_deployments(now);
  if (!versions || !deployments) pull_at_ = now + kPullAgain;
}

bool Loops::take_in_versions(TimePoint now) {
  const auto changes = version_mirror_.pull();
  if (!changes) return false;
  // Which deployments a version matters to is not worth knowing: they are few, and a look is cheap.
  if (!changes->changed.empty() || !changes->gone.empty()) look_at_all(now);
  return true;
}

bool Loops::take_in_deployments(TimePoint now) {
  const auto changes = deployment_mirror_.pull();
  if (!changes) {
    runtime::log::warn("control", "deployments cannot be watched", {{"error", changes.error().message}});
    return false;
  }
  for (const std::string& name : changes->replaced) end_replaced(name, now);
  for (const std::string& name : changes->changed) queue_.add(name, now);
  for (const std::string& name : changes->gone) queue_.add(name, now);
  return true;
}

// What ran for the old one is not the new one's past. One that has a status was looked after already: then
// the old one came from a list that is older.
void Loops::end_replaced(const std::string& name, TimePoint now) {
  const store::ObjectPtr object = deployment_mirror_.find(name);
  if (!observed_ || !object || !object->status.empty()) return;
  deployments_.end(name, seen_.of(name), begin_pass(now));
}

void Loops::observe(TimePoint now) {
  observed_at_ = now;
  current_ = false;
  auto seen = environment_.observe();
  observe_seconds_.set(std::chrono::duration<double>(clock_.now() - now).count());
  if (!seen) {
    observe_failures_.add();
    return runtime::log::warn("control", "what runs cannot be seen", {{"error", seen.error().message}});
  }
  observation_ = std::move(*seen);
  const reconcile::Parts before = std::exchange(seen_, reconcile::Parts(observation_));
  if (!environment_.publishes_endpoints())
    if (Status published = endpoints_.publish(observation_); !published) {
      // Gateways keep what they have; nobody may believe that nothing is there.
      return runtime::log::warn("control", "endpoints cannot be published",
                                {{"error", published.error().message}});
    }
  show(observation_);
  observed_ = current_ = true;
  look_at_news(before, now);
  look_in_turn(now);
}

// What is in change goes by everything that is seen of it, what is at rest by what could end its rest.
void Loops::look_at_news(const reconcile::Parts& before, TimePoint now) {
  const auto look = [&](const std::string& name) {
    const domain::Observation &was = before.of(name), &is = seen_.of(name);
    const bool same = deployments_.is_changing(name) ? was == is : reconcile::same_at_rest(was, is);
    if (!same) queue_.add(name, now);
  };
  for (const auto& [name, part] : before.all()) look(name);
  for (const auto& [name, part] : seen_.all())
    if (!before.all().contains(name)) look(name);
}

void Loops::look_in_turn(TimePoint now) {
  const auto& all = deployment_mirror_.objects();
  auto at = all.upper_bound(turn_);
  for (size_t i = 0; i < std::min(options_.look_in_turn, all.size()); ++i) {
    if (at == all.end()) at = all.begin();
    queue_.add(turn_ = at->first, now);
    ++at;
  }
  for (const domain::RevisionTold& told : observation_.revisions)
    if (!deployment_mirror_.find(told.revision.deployment)) queue_.add(told.revision.deployment, now);
}

// All that are there, and all that something still runs for.
void Loops::look_at_all(TimePoint now) {
  for (const auto& [name, object] : deployment_mirror_.objects()) queue_.add(name, now);
  for (const domain::RevisionTold& told : observation_.revisions)
    if (!deployment_mirror_.find(told.revision.deployment)) queue_.add(told.revision.deployment, now);
}

Pass Loops::begin_pass(TimePoint now) {
  return {
      .id = ++passes_, .now = now, .wall = wall(now), .seen = wall(observed_at_), .started = started_wall_};
}

void Loops::work(const std::vector<std::string>& keys, TimePoint now) {
  const Pass pass = begin_pass(now);
  const std::vector<Status> done = deployments_.reconcile(keys, seen_, pass);
  for (size_t i = 0; i < keys.size(); ++i) finish(keys[i], done[i], pass);
}

void Loops::finish(const std::string& key, const Status& done, const Pass& pass) {
  if (done) {
    succeeded_.add();
    return queue_.done(key);
  }
  // The write that came first wakes us; there is nothing to wait for.
  const bool lost = done.error().code == Code::kConflict || done.error().code == Code::kNotFound;
  (lost ? lost_ : failed_).add();
  const Duration wait = queue_.retry(key, pass.now);
  runtime::log::warn("control", "a deployment is tried again",
                     {{"pass", pass.id},
                      {"deployment", key},
                      {"error", done.error().message},
                      {"seconds", std::chrono::duration<double>(wait).count()}});
}

void Loops::show(const domain::Observation& seen) {
  std::array<int, std::size(kStates)> count{};
  for (const domain::ReplicaObserved& replica : seen.replicas) ++count[static_cast<size_t>(replica.state)];
  for (const ReplicaState state : kStates)
    metrics_
        .gauge("slipway_control_replicas", "Replicas by state.",
               {{"state", std::string(domain::name(state))}})
        .set(count[static_cast<size_t>(state)]);
  const auto silent = std::count_if(seen.gateways.begin(), seen.gateways.end(),
                                    [](const domain::GatewaySeen& gateway) { return !gateway.answers; });
  metrics_.gauge("slipway_control_gateways_silent", "Gateways that do not answer.")
      .set(static_cast<double>(silent));
}

}  // namespace slipway::control
