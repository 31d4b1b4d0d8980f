// Control dies between any two effects of every operation, before and after each, once and again right after
// its restart: every law holds, and all comes to the same end within five seconds beyond what it takes
// anyway.
#include <gtest/gtest.h>

#include "system/runtime/log.h"
#include "tests/sim/world.h"

namespace slipway::sim {
namespace {

using domain::ModelDeploymentSpec;
using domain::Strategy;
using namespace std::chrono_literals;

constexpr Duration kDown = 500ms, kConverges = 5s, kLongest = 2min;

// Of the points, every so many-th; sanitized builds are many times slower and take fewer.
constexpr int64_t kStride = SLIPWAY_SIM_STRIDE;

struct Operation {
  std::string name;
  std::function<void(World&)> prepare, run;
};

void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

ModelDeploymentSpec credit() {
  ModelDeploymentSpec spec{.model = "score", .version = 1, .replicas = 2};
  spec.rollout.keep = 3s;
  spec.rollout.deadline = 30s;
  return spec;
}

ModelDeploymentSpec canary() {
  ModelDeploymentSpec spec = credit();
  spec.rollout.strategy = Strategy::kCanary;
  spec.rollout.steps = {{10, 1s}, {50, 1s}};
  return spec;
}

auto deploys(const ModelDeploymentSpec& spec) {
  return [spec](World& world) {
    world.deploy("credit", spec);
    EXPECT_EQ(world.settle(kLongest), "");
    world.run_for(3s);
  };
}

auto edits(std::function<void(ModelDeploymentSpec&)> change) {
  return [change = std::move(change)](World& world) { EXPECT_TRUE(world.edit("credit", change)); };
}

auto to_version(int64_t version) {
  return edits([version](ModelDeploymentSpec& spec) { spec.version = version; });
}

std::vector<Operation> operations() {
  const auto changed_to_2 = [](Duration wait) {
    return [wait](World& world) {
      deploys(credit())(world);
      to_version(2)(world);
      world.run_for(wait);
    };
  };
  return {
      {"Deploy", [](World&) {}, [](World& world) { world.deploy("credit", credit()); }},
      {"ImmediateChange", deploys(credit()), to_version(2)},
      {"CanaryChange", deploys(canary()), to_version(2)},
      {"AVersionThatFails", deploys(credit()), to_version(3)},
      {"RollbackWhileWarm", changed_to_2(2s), to_version(1)},
      {"RollbackInTheMiddle", changed_to_2(200ms), to_version(1)},
      {"RollbackLater", changed_to_2(10s), to_version(1)},
      {"ScaleUp", deploys(credit()), edits([](ModelDeploymentSpec& spec) { spec.replicas = 4; })},
      {"ScaleDown", deploys(credit()), edits([](ModelDeploymentSpec& spec) { spec.replicas = 1; })},
      {"ScaleToNothing", deploys(credit()), edits([](ModelDeploymentSpec& spec) { spec.replicas = 0; })},
      {"Delete", deploys(credit()), [](World& world) { EXPECT_TRUE(world.remove("credit")); }},
  };
}

std::unique_ptr<World> prepared(const Operation& operation, Trace::Keep keep) {
  auto world = std::make_unique<World>(World::Options{.seed = 3, .keep = keep});
  world->add_version("score", 1, {});
  world->add_version("score", 2, {});
  world->add_version("score", 3, {.act = Script::Act::kLoadFails});
  operation.prepare(*world);
  EXPECT_EQ(world->broken(), "");
  return world;
}

struct Point {
  int64_t effect = 0;
  Control::Side side = Control::Side::kBefore;
  int times = 1;
};

// Empty, or what went wrong.
std::string die_at(const Operation& operation, const Point& point, Duration takes, Trace::Keep keep) {
  const auto world = prepared(operation, keep);
  world->control.crash_at(point.effect, point.side, kDown);
  if (point.times > 1) world->control.crash_again_at(1);
  operation.run(*world);
  std::string wrong = world->settle(takes + point.times * kDown + kConverges);
  if (wrong.empty()) wrong = world->rest(3s);
  if (!world->broken().empty()) wrong = world->broken();
  if (!wrong.empty())
    for (const std::string& line : world->trace.take_lines()) wrong += "\n" + line;
  return wrong;
}

class CrashPoints : public testing::TestWithParam<Operation> {};

TEST_P(CrashPoints, AllComesToTheSameEndWhereverControlDies) {
  runtime::log::start(runtime::log::Level::kError);
  const Operation& operation = GetParam();
  const auto world = prepared(operation, Trace::Keep::kNothing);
  const int64_t before = world->control.effects();
  const TimePoint began = world->time.now();
  operation.run(*world);
  ASSERT_EQ(world->settle(kLongest), "");
  const int64_t effects = world->control.effects() - before;
  const Duration takes = world->time.now() - began;
  ASSERT_GT(effects, 1);
  RecordProperty("effects", static_cast<int>(effects));
  for (int64_t effect = kStride / 2; effect < effects; effect += kStride)
    for (const auto side : {Control::Side::kBefore, Control::Side::kAfter})
      for (const int times : {1, 2}) {
        const Point point{.effect = effect, .side = side, .times = times};
        if (die_at(operation, point, takes, Trace::Keep::kNothing).empty()) continue;
        ADD_FAILURE() << (side == Control::Side::kBefore ? "before" : "after") << " effect " << effect << ", "
                      << times << " times: " << die_at(operation, point, takes, Trace::Keep::kEverything);
        return;
      }
}

INSTANTIATE_TEST_SUITE_P(Operations, CrashPoints, testing::ValuesIn(operations()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace slipway::sim
