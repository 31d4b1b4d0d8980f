// Control is killed at any place: the next one brings about what was wanted, and nothing runs twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "adapters/processes/testing/machine.h"

namespace slipway::processes {
namespace {

using domain::ActionKind;
using domain::RevisionSpec;
using environment::revision;
using namespace std::chrono_literals;

constexpr const char* kFolder = "SLIPWAY_MACHINE";  // where the story below finds its folder
constexpr Duration kPatience = 60s;

// A control's life over a machine, step by step.
class Story {
 public:
  explicit Story(testing::Machine& machine) : machine_(machine), environment_(machine.open()) {}

  void ensure(const RevisionSpec& of, int replicas) {
    apply({.revision = of, .replicas = replicas}, replicas);
  }
  void remove(const RevisionSpec& of) { apply({.kind = ActionKind::kRemove, .revision = of}, 0); }

 private:
  // Until as many are ready, and nobody else runs.
  void apply(const environment::Action& action, int replicas) {
    const environment::Applied done = environment_->apply(action);
    ASSERT_TRUE(done) << done.error().message;
    for (int moment = 0; moment < 20'000; ++moment) {
      const auto seen = environment_->observe();
      int ready = 0, all = 0;
      for (const auto& each : seen ? seen->replicas : std::vector<domain::ReplicaObserved>{}) {
        if (each.revision != action.revision.name) continue;
        ++all;
        ready += each.state == domain::ReplicaState::kReady;
      }
      if (seen && ready == replicas && all == replicas) return;
      machine_.moment();
    }
    ADD_FAILURE() << action.revision.name << " never has " << replicas << " replicas";
  }

  testing::Machine& machine_;
  std::unique_ptr<environment::Environment> environment_;
};

const RevisionSpec kOld = revision("credit", 1), kNew = revision("credit", 2);

// Run by the test below in a process of its own.
TEST(CrashStory, DISABLED_OneVersionTakesTheOthersPlace) {
  testing::Machine machine(SLIPWAY_TEST_CHILD, std::getenv(kFolder));
  Story story(machine);
  story.ensure(kOld, 2);
  story.ensure(kNew, 2);
  story.ensure(kOld, 1);
  story.remove(kOld);
}

os::ProcessEnd run_story(const testing::Machine& machine, const std::string& failpoint) {
  auto process =
      os::Process::start({.argv = {std::filesystem::read_symlink("/proc/self/exe").string(),
                                   "--gtest_filter=CrashStory.*", "--gtest_also_run_disabled_tests"},
                          .log = machine.data() + "/story.log",
                          .environment = {{kFolder, machine.data()}, {"SLIPWAY_FAILPOINT", failpoint}}});
  EXPECT_TRUE(process) << process.error().message;
  return process->end_within(kPatience).value_or(os::ProcessEnd{});
}

// Who lost the race for a lock may need a moment to see it.
int running_in_the_end(testing::Machine& machine, int expected) {
  for (int moment = 0; moment < 5'000 && machine.running() != expected; ++moment) machine.moment();
  return machine.running();
}

class CrashTest : public ::testing::TestWithParam<std::string> {};

TEST_P(CrashTest, TheNextControlBringsItToItsEnd) {
#ifndef SLIPWAY_FAILPOINTS
  GTEST_SKIP() << "this build has no failpoints";
#endif
  testing::Machine machine(SLIPWAY_TEST_CHILD);
  const os::ProcessEnd end = run_story(machine, GetParam());
  ASSERT_EQ(end, (os::ProcessEnd{os::ProcessEnd::Kind::kSignal, SIGKILL})) << "not reached: " << GetParam();
  Story next(machine);
  next.ensure(kNew, 2);
  next.remove(kOld);
  EXPECT_EQ(running_in_the_end(machine, 2), 2);
  next.remove(kNew);
  EXPECT_EQ(running_in_the_end(machine, 0), 0);
  for (const auto& entry : std::filesystem::directory_iterator(machine.data() + "/run"))
    EXPECT_EQ(entry.path().extension(), ".lock") << entry.path();  // which may go later
}

INSTANTIATE_TEST_SUITE_P(AtEveryPlace, CrashTest,
                         ::testing::Values("processes.after_told", "processes.after_told:2",
                                           "processes.after_told:3", "processes.after_told:4",
                                           "processes.before_start", "processes.before_start:2",
                                           "processes.before_start:4", "processes.after_start",
                                           "processes.after_start:2", "processes.after_start:3",
                                           "processes.after_start:4", "processes.before_stop",
                                           "processes.before_stop:2", "processes.before_forget"),
                         [](const auto& each) {
                           std::string name = each.param.substr(each.param.find('.') + 1);
                           std::ranges::replace(name, ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace slipway::processes
