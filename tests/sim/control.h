// Control as a process that can die between any two effects: the real loops over the store and a place, and
// what happens to both on the way.
#pragma once

#include <memory>

#include "ports/environment/testing/fake_environment.h"
#include "ports/store/testing/faulty_store.h"
#include "services/control/loops.h"
#include "tests/sim/timeline.h"
#include "tests/sim/trace.h"

namespace slipway::sim {

// What the loops do to the outside. Each is one effect.
struct Effect {
  std::string what;  // "status credit", "apply credit-1-… 2"
  bool happened = false;
};

class Control {
 public:
  struct Parts {
    Timeline& time;
    store::Store& disk;
    environment::FakePlace& place;
    Trace& trace;
  };
  // Where it dies: before or after its n-th effect from now, the first being 0.
  enum class Side : uint8_t { kBefore, kAfter };

  Control(Parts parts, uint64_t seed);
  ~Control();

  void start();
  void crash();  // now
  void start_after(Duration wait);
  void crash_at(int64_t effect, Side side, Duration down);
  void crash_again_at(int64_t effect) { again_ = effect; }  // of the next life
  void hang_for(Duration time);                             // stopped, and goes on later
  void step_soon();
  void mend();  // runs, and is not to die

  bool up() const { return loops_ != nullptr; }
  bool observed() const { return loops_ && loops_->observed(); }
  TimePoint last_step() const { return last_step_; }  // that was not hindered
  int64_t effects() const { return effects_; }        // that happened
  int64_t starts() const { return starts_; }

  // What goes wrong, in thousandths, until set otherwise.
  store::FaultyStore::Options store_faults;
  struct Faults {
    int write_fails = 0, write_unknown = 0, write_conflict = 0, apply_fails = 0, observe_fails = 0;
  } faults;
  std::function<void(const domain::Action&)> applied;  // and it happened
  std::function<void()> began, stepped;                // a life; a step

 private:
  class Place;
  enum class Verdict : uint8_t { kGoesOn, kDiesBefore, kDiesAfter, kDead };
  Verdict next_effect();
  store::Fate fate(store::FaultyStore::Verb verb, const store::ObjectKey& key);
  Status reach();
  void step(uint64_t life);
  void forget_memory();
  bool happens(int thousandths) { return thousandths > 0 && random_.below(1000) < thousandths; }

  const Parts parts_;
  Random random_;
  std::unique_ptr<store::FaultyStore> store_;
  std::unique_ptr<Place> place_;
  std::unique_ptr<telemetry::Registry> metrics_;
  std::unique_ptr<control::Loops> loops_;
  uint64_t life_ = 0, scheduled_ = 0;
  TimePoint scheduled_at_ = TimePoint::max(), hangs_until_, last_step_;
  int64_t effects_ = 0, starts_ = 0;
  int64_t dies_at_ = -1, again_ = -1;
  Side dies_ = Side::kBefore;
  Duration down_{};
  bool dying_ = false;
};

}  // namespace slipway::sim
