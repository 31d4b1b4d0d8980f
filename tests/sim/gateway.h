// A gateway as a process: its two lists by watches that may be late or broken, the real route table, the real
// balancing, the lists of the last time when it starts. What goes on in its sockets is not simulated.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "decide/balance/replicas.h"
#include "decide/balance/turns.h"
#include "decide/route/route.h"
#include "ports/environment/testing/fake_environment.h"
#include "ports/store/mirror.h"
#include "ports/store/testing/faulty_store.h"
#include "tests/sim/control.h"

namespace slipway::sim {

// A replica as the gateway knows it.
struct Target {
  std::string address, revision;
  balance::Replica load;
};
using TargetPtr = std::shared_ptr<Target>;

class Gateway {
 public:
  struct Parts {
    Timeline& time;
    store::Store& disk;
    environment::FakePlace& place;
    Control& control;
    Trace& trace;
  };

  Gateway(Parts parts, std::string name, uint64_t seed);

  void start();
  void die();
  void start_after(Duration wait);
  bool up() const { return life_ != nullptr; }
  uint64_t number() const { return starts_; }  // of its lives
  const std::string& name() const { return name_; }

  void mute(Duration time);  // it works, and does not answer whoever observes
  void cut(Duration time);   // it does not reach the API
  void mend();
  bool is_muted() const { return parts_.time.now() < muted_until_; }
  bool is_cut() const { return parts_.time.now() < cut_until_; }
  // Since when nobody hears it, or it hears nobody; nothing: all is well.
  std::optional<TimePoint> alone_since() const { return alone_since_; }
  void note_contact();
  // In touch with everybody for so long.
  bool contact_for(Duration time) const {
    return contact_since_ && parts_.time.now() - *contact_since_ >= time;
  }

  // Requests. Null: there is nobody to send to.
  TargetPtr choose(const std::string& deployment, const Target* tried);
  const route::Row* row(const std::string& deployment) const;
  void begin(const TargetPtr& target);
  void end(const TargetPtr& target, uint64_t life);

  std::optional<domain::GatewayObserved> observed();
  bool synced() const;
  // Whether what it sends by is what the store holds.
  bool knows(const std::string& deployment, uint64_t resource_version) const;
  bool knows_slices(const std::vector<store::ObjectPtr>& slices) const;

  store::FaultyStore::Options store_faults;
  std::function<void(const route::Row&)> row_changed;

 private:
  using Objects = std::map<std::string, store::ObjectPtr, std::less<>>;
  struct Row {
    route::Row row;
    balance::Turns turns;
    std::vector<std::vector<TargetPtr>> targets;  // by revision
  };
  struct Use {
    int in_flight = 0;
    TimePoint last;
  };
  struct Life {
    Life(Gateway& gateway, store::Store& store);
    store::Mirror deployments, slices;
    bool live = false;  // both lists are whole
    std::map<std::string, domain::ModelDeployment, std::less<>> parsed;
    route::Slices by_revision;
    std::map<std::string, Row, std::less<>> rows;
    std::map<std::string, TargetPtr, std::less<>> targets;
    std::map<std::string, Use, std::less<>> uses;  // by revision
    std::set<std::string> connected;
  };

  TargetPtr pick(const Row& row, size_t revision, const Target* tried);
  void step();
  void step_at(TimePoint when);
  bool pull();
  void take_in_deployments(const std::set<std::string>& names);
  void take_in_slices();
  void rebuild(const std::string& name);
  const Objects& deployments() const {
    return life_->live ? life_->deployments.objects() : kept_deployments_;
  }
  const Objects& slices() const { return life_->live ? life_->slices.objects() : kept_slices_; }
  void keep();

  const Parts parts_;
  const std::string name_;
  Random random_;
  std::unique_ptr<store::FaultyStore> store_;
  std::unique_ptr<Life> life_;
  Objects kept_deployments_, kept_slices_;  // on disk
  bool to_be_kept_ = false, hears_ = false;
  TimePoint kept_at_, step_at_ = TimePoint::max(), look_at_, muted_until_, cut_until_;
  std::optional<TimePoint> alone_since_, contact_since_;
  uint64_t starts_ = 0, scheduled_ = 0, reached_life_ = 0;
};

}  // namespace slipway::sim
