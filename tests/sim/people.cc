#include "tests/sim/people.h"

namespace slipway::sim {
namespace {

using domain::ModelDeploymentSpec;
using domain::OnFailure;
using domain::Strategy;
using namespace std::chrono_literals;

constexpr const char* kModel = "score";
constexpr int kVersions = 8;
constexpr int64_t kMebibyte = 1 << 20;

}  // namespace

People::People(World& world, uint64_t seed)
    : world_(world),
      random_(seed),
      every_(random_.between(2s, 20s)),
      good_percent_(random_.between(30, 100)) {}

Script People::a_script() {
  using Act = Script::Act;
  Script out{.fetch = random_.between(10ms, 500ms), .load = random_.between(50ms, 3s)};
  if (random_.chance(3)) out.load = 5min;
  if (random_.chance(good_percent_)) return out;
  constexpr Act kBad[] = {Act::kNoFiles,    Act::kLoadFails,    Act::kCrashesAtStart,
                          Act::kNeverReady, Act::kCrashesLater, Act::kHangsLater};
  out.act = kBad[random_.below(std::size(kBad))];
  out.after = random_.between(100ms, 20s);
  return out;
}

void People::a_rollout(domain::RolloutSpec& rollout) {
  rollout.strategy = random_.chance(50) ? Strategy::kCanary : Strategy::kImmediate;
  rollout.keep = random_.chance(30) ? Duration{0} : random_.between(1, 20) * Duration{1s};
  rollout.deadline = random_.between(20, 60) * Duration{1s};
  rollout.on_failure = random_.chance(70) ? OnFailure::kRollback : OnFailure::kPause;
  rollout.steps.clear();
  const int steps = rollout.strategy == Strategy::kCanary ? random_.between(0, 3) : 0;
  for (int weight = 0, i = 0; i < steps; ++i) {
    weight += random_.between(1, 30);
    rollout.steps.push_back({weight, random_.between(0, 8) * Duration{1s}});
  }
  if (rollout.strategy == Strategy::kCanary && steps == 0) rollout.steps = {{50, 1s}};
}

ModelDeploymentSpec People::a_spec() {
  ModelDeploymentSpec spec{
      .model = kModel, .version = random_.between(1, kVersions), .replicas = random_.between(1, 3)};
  a_rollout(spec.rollout);
  return spec;
}

void People::begin(TimePoint end) {
  end_ = end;
  for (int64_t version = 1; version <= kVersions; ++version)
    world_.add_version(kModel, version, version == 1 ? Script{} : a_script());
  const char* names[] = {"credit", "fraud", "churn"};
  names_.assign(names, names + random_.between(1, 3));
  for (const std::string& name : names_) {
    ModelDeploymentSpec spec = a_spec();
    if (random_.chance(80)) spec.version = 1;
    world_.deploy(name, spec);
  }
  world_.time.after(random_.between(0s, every_), [this] { act(); });
}

void People::act() {
  if (world_.time.now() >= end_) return;
  change(names_[static_cast<size_t>(random_.below(static_cast<int>(names_.size())))]);
  world_.time.after(random_.between(Duration{0}, 2 * every_), [this] { act(); });
}

void People::change(const std::string& name) {
  const auto* now = world_.laws.find(name);
  if (!now) {
    world_.trace.happened("people deploy {}", name);
    world_.deploy(name, a_spec());
    return;
  }
  const int what = random_.below(100);
  const auto* stable = now->status.stable();
  const int64_t back = stable ? stable->revision.version : 1;
  const auto say = [&](const std::string& text) { world_.trace.happened("people: {} {}", name, text); };
  const auto edit = [&](const std::string& text, auto change) {
    say(text);
    world_.edit(name, change);
  };
  if (what < 50) {
    const int version = random_.between(1, kVersions);
    return edit(fmt::format("version {}", version), [&](auto& spec) { spec.version = version; });
  }
  if (what < 60) {
    const int replicas = random_.chance(10) ? 0 : random_.between(1, 4);
    return edit(fmt::format("{} replicas", replicas), [&](auto& spec) { spec.replicas = replicas; });
  }
  if (what < 68) return edit("back", [&](auto& spec) { spec.version = back; });
  if (what < 74) return edit("pause", [](auto& spec) { spec.rollout.paused = true; });
  if (what < 84) return edit("resume", [](auto& spec) { spec.rollout.paused = false; });
  if (what < 90) return edit("another rollout", [&](auto& spec) { a_rollout(spec.rollout); });
  if (what < 93) return edit("a version that is not there", [](auto& spec) { spec.version = 77; });
  if (what < 96) {
    const int64_t memory = random_.between(1, 600) * kMebibyte;
    return edit("other memory", [&](auto& spec) { spec.settings.memory_bytes = memory; });
  }
  if (what < 97) {
    say("loses its status");
    world_.lose_status(name);
    return;
  }
  say("is deleted");
  world_.remove(name);
  if (random_.chance(50))
    world_.time.after(random_.between(0s, 2s), [this, name] { world_.deploy(name, a_spec()); });
}

bool People::is_never_ready(int64_t version) const {
  const Script* script = world_.script_of(kModel, version);
  return script && script->act != Script::Act::kServes && script->act != Script::Act::kCrashesLater &&
         script->act != Script::Act::kHangsLater;
}

bool People::is_good(int64_t version) const {
  const Script* script = world_.script_of(kModel, version);
  return script && script->act == Script::Act::kServes && script->load < 10s;
}

int64_t People::a_good_version() const {
  int64_t version = 1;
  for (int i = 0; i < 4; ++i)
    if (const int other = random_.between(1, kVersions); is_good(other)) version = other;
  return version;
}

void People::calm_down() {
  end_ = {};
  for (const std::string& name : names_) {
    const auto* now = world_.laws.find(name);
    if (!now) continue;
    const auto* stable = now->status.stable();
    const bool may_fail = stable && is_good(stable->revision.version) && is_never_ready(now->spec.version) &&
                          now->spec.rollout.on_failure == OnFailure::kRollback;
    const bool may_stay = is_good(now->spec.version) || (may_fail && random_.chance(50));
    const int64_t version = may_stay ? now->spec.version : a_good_version();
    world_.trace.happened("people: {} is to be version {}", name, version);
    world_.edit(name, [&](ModelDeploymentSpec& spec) {
      spec.version = version;
      spec.rollout.paused = false;
      if (!may_fail) spec.rollout.deadline += 1s;  // another try
      spec.settings.memory_bytes = 0;
    });
  }
}

bool People::may_rest() const {
  return std::all_of(names_.begin(), names_.end(), [&](const std::string& name) {
    const auto* now = world_.laws.find(name);
    const auto* stable = now ? now->status.stable() : nullptr;
    return !stable || is_good(stable->revision.version);
  });
}

void People::remove_all() {
  for (const std::string& name : names_) world_.remove(name);
}

}  // namespace slipway::sim
