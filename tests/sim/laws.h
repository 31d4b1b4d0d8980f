// What must hold at every step, whatever happens. Each law that is broken is told to the trace, once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/environment/testing/fake_environment.h"
#include "tests/sim/gateway.h"
#include "tests/sim/trace.h"
#include "values/domain/model_deployment.h"

namespace slipway::sim {

class Laws {
 public:
  struct Parts {
    Timeline& time;
    store::Store& disk;
    environment::FakePlace& place;
    Control& control;
    std::vector<std::unique_ptr<Gateway>>& gateways;
    Trace& trace;
  };

  explicit Laws(Parts parts);

  // What happened, as soon as it did.
  void take_in();  // what was written
  void applied(const domain::Action& action);
  void control_began();
  void stepped();  // control
  void row_changed(const route::Row& row);
  void replica_struck(const environment::FakeProcess& process);
  void everything_struck();
  void tick();  // about once a second

  // Of requests.
  void answered(const Gateway& gateway, const std::string& deployment, const Target& target, TimePoint known);
  struct Failure {
    const Gateway& gateway;
    const std::string& deployment;
    std::string why;
    int victims = 0;  // replicas that it was with when they were struck
  };
  void failed(const Failure& failure);

  // How late a gateway or control may be when all is well.
  Duration late{std::chrono::milliseconds(200)};
  // Faults that make effects of control fail or be seen late: laws of time give way.
  void disturbed() { disturbed_at_ = parts_.time.now(); }

  struct Counts {
    int64_t status_writes = 0, actions = 0, requests = 0, failures = 0;
    int64_t guarded = 0;  // requests that nothing excuses
  };
  const Counts& counts() const { return counts_; }
  // The deployment's last state on disk.
  const domain::ModelDeployment* find(const std::string& name) const;

  // All as it should be, now: nothing left over, everybody ready. Empty, or what is not.
  std::string unsettled();

 private:
  struct RevisionLife {
    int weight = 0;
    std::optional<TimePoint> weighed;  // the last time that it had weight
    TimePoint raised;
    int64_t failed_in = 0;
  };
  struct DeploymentLife {
    domain::ModelDeployment now;
    std::map<std::string, RevisionLife, std::less<>> revisions;
    bool weighed = false;  // has had weights
    bool excused = true;   // struck, or not there yet: requests may fail
    std::optional<TimePoint> well_since;
    TimePoint spec_changed, went_forward, alone_at, weighed_since;
    std::optional<TimePoint> gone, silent_since;
    int64_t failures = 0;    // in a row
    std::vector<int> sizes;  // that the spec has wanted
  };

  void written(const store::Event& event);
  void status_written(DeploymentLife& life, const domain::ModelDeployment& before);
  void check_weights(const DeploymentLife& life);
  void check_phases(const DeploymentLife& life);
  void check_raise(DeploymentLife& life, const domain::ModelDeployment& before);
  void remember(DeploymentLife& life, const domain::ModelDeployment& before);
  void check_capacity(const DeploymentLife& life, const domain::Action& action, int told);
  void check_let_go(const DeploymentLife& life, const std::string& revision);
  void check_hold(const DeploymentLife& life, const domain::RevisionStatus& was, const RevisionLife& coming);
  void check_failed(DeploymentLife& life, const domain::ModelDeployment& before);
  void check_deadline(const std::string& name, DeploymentLife& life);
  void check_serving(const std::string& name, DeploymentLife& life);
  void check_gateways();
  void show(const DeploymentLife& life, const domain::ModelDeployment& before);
  bool was_ready_lately(const std::string& revision);
  bool is_silent(const std::string& revision);
  int ready(const std::string& revision);
  static bool has_weights(const domain::ModelDeployment& deployment);
  bool is_well(DeploymentLife& life);
  std::string unsettled(const DeploymentLife& life);

  const Parts parts_;
  std::unique_ptr<store::Watch> watch_, slices_, events_;
  std::map<std::string, int, std::less<>> told_;  // by revision
  std::map<std::string, DeploymentLife, std::less<>> lives_;
  std::map<std::string, TimePoint, std::less<>> ready_lately_;  // by revision
  TimePoint disturbed_at_, control_began_, stepped_, changed_;
  Counts counts_;
};

// "credit-2" of "credit-2-1a2b3c4d": what people read.
std::string short_name(const std::string& revision);

}  // namespace slipway::sim
