// Deployments, some at a time: decide on each, write the statuses, tell the environment, say what was
// decided. In this order for each of them, and each step for all of them at once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "decide/reconcile/reconcile.h"
#include "decide/rollout/rollout.h"
#include "ports/environment/environment.h"
#include "ports/store/mirror.h"
#include "services/control/recorder.h"

namespace slipway::control {

// One pass over one deployment.
struct Pass {
  int64_t id = 0;  // in the log, so that its lines can be told from others'
  TimePoint now;
  WallTime wall, seen, started;  // seen: when what runs was looked at
};

// Runs all of them, in any order, and waits until they are done.
using RunAll = std::function<void(std::vector<std::function<void()>>)>;
void one_by_one(std::vector<std::function<void()>> tasks);

class Deployments {
 public:
  struct Options {
    std::string space = "default";
    rollout::Options rollout;
    RunAll run_all = one_by_one;  // of writes
  };
  // What it works on. All must outlive it.
  struct Parts {
    store::Store& store;
    environment::Environment& environment;
    Recorder& recorder;
    telemetry::Registry& metrics;
    store::Mirror& deployments;
    store::Mirror& versions;
  };

  Deployments(Options options, Parts parts);

  // One result for each name. kConflict: another write came first, its news will come. Other errors are worth
  // another try later.
  std::vector<Status> reconcile(const std::vector<std::string>& names, const reconcile::Parts& seen,
                                const Pass& pass);
  bool is_changing(const std::string& name) const { return changing_.contains(name); }
  bool any_changing() const { return !changing_.empty(); }
  // Whether the environment was told anything since the last time that this was asked.
  bool take_acted() { return std::exchange(acted_, false); }
  // The name now means another object: what ran for the old one goes first.
  void end(const std::string& name, const domain::Observation& part, const Pass& pass);

 private:
  // One deployment on its way through a pass.
  struct Work {
    std::string name;
    store::ObjectPtr object;  // null: there is none, or nothing is to be decided
    rollout::Decision decision;
    std::vector<domain::Action> actions;
    Status result;
  };
  Work decide(const std::string& name, const domain::Observation& part, const Pass& pass);
  void end_if_gone(Work& work, const domain::Observation& part);
  std::vector<domain::Action> forget(const std::string& name, const domain::Observation& part);
  bool is_news(const Work& work);
  void write_statuses(std::vector<Work>& works);
  Result<store::ObjectPtr> write_status(const store::ObjectPtr& object, const rollout::Decision& decision);
  void tell(const std::vector<Work>& works, const Pass& pass);
  void act(const std::vector<domain::Action>& actions, const Pass& pass);
  void note_refusal(const domain::Action& action, const domain::Fault& fault, const Pass& pass);
  Result<const domain::ModelDeployment*> parsed(const store::ObjectPtr& object);
  std::vector<domain::ModelVersion> versions_for(const domain::ModelDeployment& deployment);
  const domain::ModelVersion* version(const store::ObjectPtr& object);
  std::map<std::string, rollout::Fault, std::less<>> refused_of(const std::string& deployment) const;

  const Options options_;
  const Parts parts_;
  // What the environment would not take, by revision, and when to ask again.
  struct Refused {
    std::string deployment;
    rollout::Fault fault;
    int replicas = 0;  // that were asked for: another number may be taken at once
    TimePoint again;
    int times = 0;

    bool waits(const domain::Action& action, TimePoint now) const {
      return action.kind == domain::ActionKind::kEnsure && action.replicas == replicas && now < again;
    }
  };
  std::map<std::string, Refused, std::less<>> refused_;
  std::set<std::string, std::less<>> changing_;
  bool acted_ = false;
  // Read once for each change, not once a second.
  std::map<std::string, domain::ModelDeployment, std::less<>> parsed_;
  struct Version {
    uint64_t resource_version = 0;
    std::optional<domain::ModelVersion> version;  // nothing: it cannot be read
  };
  std::map<std::string, Version, std::less<>> versions_;
  telemetry::Counter &status_writes_, &actions_, &conflicts_;
};

}  // namespace slipway::control
