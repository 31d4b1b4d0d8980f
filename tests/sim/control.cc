#include "tests/sim/control.h"

namespace slipway::sim {
namespace {

using domain::Kind;
using store::Fate;
using namespace std::chrono_literals;

}  // namespace

// The environment as control reaches it.
class Control::Place final : public environment::Environment {
 public:
  Place(Control& control, std::unique_ptr<environment::Environment> under)
      : control_(control), under_(std::move(under)) {}

  Result<domain::Observation> observe() override {
    if (Status reached = control_.reach(); !reached) return fail(reached.error());
    if (control_.happens(control_.faults.observe_fails))
      return fail(Code::kUnavailable, "nothing can be seen now");
    return under_->observe();
  }

  environment::Applied apply(const domain::Action& action) override {
    const Verdict verdict = control_.next_effect();
    if (verdict == Verdict::kDiesBefore || verdict == Verdict::kDead) return unavailable("control has died");
    if (verdict == Verdict::kGoesOn && control_.happens(control_.faults.apply_fails))
      return unavailable("nothing can be told now");
    const environment::Applied done = under_->apply(action);
    control_.parts_.trace.happened("apply {} {}: {}{}", action.revision.name, action.replicas, action.message,
                                   done ? "" : ": " + done.error().message);
    if (done && control_.applied) control_.applied(action);
    if (verdict == Verdict::kDiesAfter) return unavailable("control has died");
    return done;
  }

  bool publishes_endpoints() const override { return under_->publishes_endpoints(); }
  std::string limits_text() const override { return under_->limits_text(); }

 private:
  static environment::Applied unavailable(const char* why) {
    return environment::refuse({domain::Reason::kEnvironmentUnavailable, why});
  }

  Control& control_;
  const std::unique_ptr<environment::Environment> under_;
};

Control::Control(Parts parts, uint64_t seed) : parts_(parts), random_(seed) {}
Control::~Control() = default;

void Control::start() {
  if (up()) return;
  ++life_;
  ++starts_;
  dying_ = false;
  parts_.trace.happened("control starts");
  store_faults.seed = random_.next();
  store_ = std::make_unique<store::FaultyStore>(
      parts_.disk, parts_.time, store_faults,
      store::FaultyStore::Hooks{
          .fate = [this](auto verb, const auto& key) { return fate(verb, key); },
          .reach = [this](Kind) { return reach(); },
          .later = [this](TimePoint when,
                          std::function<void()> call) { parts_.time.at(when, std::move(call)); }});
  place_ = std::make_unique<Place>(*this, parts_.place.open());
  metrics_ = std::make_unique<telemetry::Registry>();
  loops_ = std::make_unique<control::Loops>(
      control::Options{.rollout = {.url = "http://gateway"}, .seed = random_.next()}, *store_, *place_,
      parts_.time, *metrics_, [this, life = life_] {
        if (life == life_) step_soon();
      });
  if (again_ >= 0) dies_at_ = effects_ + std::exchange(again_, -1);
  if (began) began();
  scheduled_at_ = TimePoint::max();
  step_soon();
}

void Control::start_after(Duration wait) {
  parts_.time.after(wait, [this] { start(); });
}

void Control::crash() {
  if (!up()) return;
  parts_.trace.happened("control dies");
  loops_.reset();
  place_.reset();
  store_.reset();
  metrics_.reset();
  dies_at_ = -1;
  forget_memory();
}

// Events and endpoints live in control's memory, and go with it.
void Control::forget_memory() {
  for (const Kind kind : {Kind::kEvent, Kind::kEndpointSlice}) {
    const auto all = parts_.disk.list(kind, {});
    for (const domain::ObjectPtr& object : all->items)
      static_cast<void>(
          parts_.disk.remove(object->key, {}, {.actor = {"sim"}, .reason = "Crash", .request_id = {}}));
  }
}

void Control::crash_at(int64_t effect, Side side, Duration down) {
  dies_at_ = effects_ + effect;
  dies_ = side;
  down_ = down;
}

void Control::hang_for(Duration time) {
  parts_.trace.happened("control hangs for {} ms", time / 1ms);
  hangs_until_ = parts_.time.now() + time;
  scheduled_at_ = TimePoint::max();
  step_soon();
}

void Control::mend() {
  dies_at_ = -1;
  hangs_until_ = {};
  if (!up()) return start();
  store_->options() = {};
  store_->break_watches();
  scheduled_at_ = TimePoint::max();
  step_soon();
}

Control::Verdict Control::next_effect() {
  if (dying_) return Verdict::kDead;
  const bool here = dies_at_ == effects_;
  ++effects_;
  if (!here) return Verdict::kGoesOn;
  dying_ = true;
  return dies_ == Side::kBefore ? Verdict::kDiesBefore : Verdict::kDiesAfter;
}

Fate Control::fate(store::FaultyStore::Verb verb, const store::ObjectKey& key) {
  const Verdict verdict = next_effect();
  if (verdict == Verdict::kDead || verdict == Verdict::kDiesBefore) return Fate::kNever;
  if (verdict == Verdict::kDiesAfter) return Fate::kUnknown;
  if (happens(faults.write_fails)) return Fate::kNever;
  if (happens(faults.write_unknown)) return Fate::kUnknown;
  const bool may_conflict =
      verb == store::FaultyStore::Verb::kUpdate || verb == store::FaultyStore::Verb::kUpdateStatus;
  if (may_conflict && happens(faults.write_conflict)) return Fate::kConflict;
  parts_.trace.happened("write {}", key.str());
  return Fate::kHappens;
}

Status Control::reach() { return dying_ ? fail(Code::kUnavailable, "control has died") : ok(); }

void Control::step_soon() {
  const TimePoint when = std::max(parts_.time.now() + 200us, hangs_until_);
  if (scheduled_at_ <= when) return;
  scheduled_at_ = when;
  parts_.time.at(when, [this, number = ++scheduled_] {
    if (number == scheduled_) step(life_);
  });
}

void Control::step(uint64_t life) {
  if (!up() || life != life_) return;
  scheduled_at_ = TimePoint::max();
  const TimePoint now = parts_.time.now();
  if (now < hangs_until_) return step_soon();
  const TimePoint next = loops_->step(now);
  last_step_ = now;
  if (stepped) stepped();
  if (dying_) {
    crash();
    return start_after(down_);
  }
  if (scheduled_at_ <= next) return;
  scheduled_at_ = next;
  parts_.time.at(next, [this, number = ++scheduled_] {
    if (number == scheduled_) step(life_);
  });
}

}  // namespace slipway::sim
