// Control's loops as one: take in what changed, observe what runs, publish where replicas answer, decide for
// each deployment that may need it.
//
//   while (…) wait until loops.step(clock.now()), or until woken;
//
// Threads: step() from one; `wake` is called from any.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ports/environment/environment.h"
#include "ports/store/mirror.h"
#include "services/control/deployments.h"
#include "services/control/endpoints.h"
#include "services/control/recorder.h"
#include "system/runtime/clock.h"
#include "system/runtime/keyed_queue.h"
#include "system/telemetry/metrics.h"

namespace slipway::control {

struct Options {
  std::string space = "default";
  rollout::Options rollout;
  Duration observe_every = std::chrono::seconds(1);
  Duration observe_soon = std::chrono::milliseconds(100);  // while anything is in change
  // Looked at in a pass though there is no news of them, in turn: time may have come for something.
  size_t look_in_turn = 200;
  size_t batch = 1;  // deployments that are worked on at once
  RunAll run_all = one_by_one;
  uint64_t seed = 1;  // of the jitter between tries
};

class Loops {
 public:
  // All must outlive it. `wake`: something changed, call step() soon; may be null.
  Loops(Options options, store::Store& store, environment::Environment& environment,
        const runtime::Clock& clock, telemetry::Registry& metrics, std::function<void()> wake = nullptr);
  ~Loops();

  // Does what is due at `now`; gives the time of the next. Never waits for anything but the store and the
  // environment.
  TimePoint step(TimePoint now);

  // Whether what runs has been seen, and published: before that, an empty list of endpoints means nothing.
  bool observed() const { return observed_; }
  const domain::Observation& observation() const { return observation_; }

 private:
  void take_in(TimePoint now);
  bool take_in_deployments(TimePoint now);
  bool take_in_versions(TimePoint now);
  void end_replaced(const std::string& name, TimePoint now);
  void observe(TimePoint now);
  Duration look_every() const;
  void look_at_all(TimePoint now);
  void look_at_news(const reconcile::Parts& before, TimePoint now);
  void look_in_turn(TimePoint now);
  Pass begin_pass(TimePoint now);
  void work(const std::vector<std::string>& keys, TimePoint now);
  void finish(const std::string& key, const Status& done, const Pass& pass);
  void show(const domain::Observation& seen);  // as metrics
  // The wall's clock as it was at the start, going on steadily: it never jumps while this process lives.
  WallTime wall(TimePoint now) const { return started_wall_ + (now - started_); }

  const Options options_;
  environment::Environment& environment_;
  const runtime::Clock& clock_;
  telemetry::Registry& metrics_;
  const TimePoint started_;
  const WallTime started_wall_;
  store::Mirror deployment_mirror_, version_mirror_;
  Recorder recorder_;
  Deployments deployments_;
  Endpoints endpoints_;
  runtime::KeyedQueue queue_;
  domain::Observation observation_;
  reconcile::Parts seen_;  // the same, by deployment
  std::string turn_;       // whose turn it was last
  bool observed_ = false;
  bool current_ = false;  // the observation is of the last look, and nothing was told since
  TimePoint observed_at_{}, pull_at_{};
  int64_t passes_ = 0;
  telemetry::Counter &succeeded_, &failed_, &lost_, &observe_failures_;
  telemetry::Gauge &waiting_, &observe_seconds_;
};

}  // namespace slipway::control
