#include "adapters/processes/processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "adapters/processes/testing/machine.h"
#include "system/admin/admin.h"
#include "system/http/address.h"
#include "system/os/files.h"

namespace slipway::processes {
namespace {

using environment::EnvironmentContract;
using environment::WorldFactory;
using namespace std::chrono_literals;

INSTANTIATE_TEST_SUITE_P(Processes, EnvironmentContract,
                         ::testing::Values(WorldFactory{
                             "Processes",
                             [] { return std::make_unique<testing::Machine>(SLIPWAY_TEST_CHILD); }}),
                         [](const auto& each) { return each.param.name; });

using domain::ActionKind;
using domain::GatewayRow;
using domain::Reason;
using domain::ReplicaObserved;
using domain::ReplicaState;
using domain::RevisionSpec;
using environment::find;
using environment::replicas_in;
using environment::told;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Duration kPatience = 20s;

// What is true of processes alone.
class ProcessesTest : public EnvironmentContract {
 protected:
  void SetUp() override {
    machine_ = new testing::Machine(SLIPWAY_TEST_CHILD);
    world_.reset(machine_);
    credit_ = environment::revision("credit");
  }
  void begin(int replicas) {
    reopen();
    ensure(credit_, replicas);
    until_ready(credit_, replicas);
  }
  std::string nth(int ordinal) const { return fmt::format("{}-{}", credit_.name, ordinal); }
  std::string told_file() const { return fmt::format("{}/run/{}.json", machine_->data(), credit_.name); }
  ReplicaState state_of(int ordinal) {
    const auto seen = observe();
    const ReplicaObserved* one = find(seen, nth(ordinal));
    return one != nullptr ? one->state : ReplicaState::kPreparing;
  }
  std::string log_of(int ordinal) const {
    return os::read_file(fmt::format("{}/logs/{}.log", machine_->data(), nth(ordinal)), 1 << 20).value_or("");
  }
  std::unique_ptr<admin::AdminServer> serve_as_gateway(std::string body) {
    auto server = std::make_unique<admin::AdminServer>(
        *http::parse_address("unix:" + machine_->data() + "/run/gateway.admin.sock"),
        std::vector<http::Route>{{base::Method::kGet, "/observed", "process.read",
                                  [body](http::Exchange& exchange, const http::PathParameters&) {
                                    exchange.respond({.body = body});
                                  }}},
        real_clock_);
    EXPECT_TRUE(server->start());
    return server;
  }

  testing::Machine* machine_ = nullptr;  // what world_ owns
  RevisionSpec credit_;
  runtime::RealClock real_clock_;
};

TEST_F(ProcessesTest, OneThatHangsIsShownSoAndTheOthersAreNotHeldUp) {
  begin(2);
  auto process = machine_->process(nth(0));
  ASSERT_TRUE(process);
  ASSERT_TRUE(process->signal(SIGSTOP));
  machine_->options().patience = machine_->options().first_patience = 20ms;
  reopen();
  // Found, and silent: nothing is said for three seconds, since we have only just come.
  EXPECT_FALSE(environment_->observe());
  machine_->pass(3s);
  EXPECT_EQ(state_of(0), ReplicaState::kStarting);
  EXPECT_EQ(state_of(1), ReplicaState::kReady);
  for (int i = 0; i < 7; ++i) machine_->pass(1s), observe();
  const auto seen = observe();
  EXPECT_EQ(find(seen, nth(0))->state, ReplicaState::kHanging);
  EXPECT_EQ(find(seen, nth(0))->fault->reason, Reason::kHanging);
  EXPECT_EQ(find(seen, nth(1))->state, ReplicaState::kReady);
  ASSERT_TRUE(process->signal(SIGCONT));
  until("it goes on", [&](const auto& now) { return find(now, nth(0))->state == ReplicaState::kReady; });
  EXPECT_EQ(world_->starts(nth(0)), 1);
}

TEST_F(ProcessesTest, OneThatHangsForAMinuteIsStartedAgain) {
  begin(1);
  auto process = machine_->process(nth(0));
  ASSERT_TRUE(process->signal(SIGSTOP));
  machine_->options().patience = machine_->options().first_patience = 20ms;
  reopen();
  for (int i = 0; i < 60; ++i) machine_->pass(1s), static_cast<void>(environment_->observe());
  ASSERT_TRUE(process->end_within(kPatience));
  const auto seen = until(
      "its end", [&](const auto& now) { return find(now, nth(0))->state == ReplicaState::kBackingOff; });
  EXPECT_EQ(find(seen, nth(0))->fault->reason, Reason::kHanging);
  machine_->options().patience = kPatience;
  reopen();
  until_ready(credit_, 1);
}

TEST_F(ProcessesTest, WhoDidNotLookDoesNotBlameTheReplica) {
  begin(1);
  auto process = machine_->process(nth(0));
  ASSERT_TRUE(process->signal(SIGSTOP));
  machine_->options().patience = machine_->options().first_patience = 20ms;
  reopen();
  static_cast<void>(environment_->observe());
  machine_->pass(1h);  // as after a sleep of control
  EXPECT_EQ(state_of(0), ReplicaState::kStarting);
  ASSERT_TRUE(process->signal(SIGCONT));
  until_ready(credit_, 1);
  EXPECT_EQ(world_->starts(nth(0)), 1);
}

TEST_F(ProcessesTest, AnAdoptedOneThatEndsIsToldWithItsLastLines) {
  begin(1);
  reopen();
  until_ready(credit_, 1);
  world_->kill(nth(0));
  const auto seen = until(
      "its end", [&](const auto& now) { return find(now, nth(0))->state == ReplicaState::kBackingOff; });
  EXPECT_EQ(find(seen, nth(0))->fault->reason, Reason::kExited);
  EXPECT_THAT(find(seen, nth(0))->fault->message, HasSubstr("how is not known"));
}

TEST_F(ProcessesTest, WhoDrainsGetsNoSecondSignalFromTheNextControl) {
  begin(2);
  ensure(credit_, 1);
  until("it drains", [&](const auto& now) {
    return replicas_in(now, ReplicaState::kDraining) == std::vector<std::string>{nth(1)};
  });
  reopen();
  until_ready(credit_, 1);
  EXPECT_THAT(log_of(1), ::testing::Not(HasSubstr("second signal")));
}

TEST_F(ProcessesTest, OneThatSomebodyElseAsksToEndIsReplacedWithoutAFault) {
  begin(1);
  ASSERT_TRUE(machine_->process(nth(0))->signal(SIGTERM));
  const auto seen = until("another is ready", [&](const auto& now) {
    return replicas_in(now, ReplicaState::kReady) == std::vector<std::string>{nth(1)} &&
           now.replicas.size() == 1;
  });
  EXPECT_EQ(seen.replicas[0].failures, 0);
}

TEST_F(ProcessesTest, WhoRunsAlreadyIsTakenInInsteadOfAnotherStart) {
  begin(1);
  const pid_t before = machine_->process(nth(0))->pid();
  environment_.reset();
  ASSERT_TRUE(std::filesystem::remove(told_file()));
  reopen();
  ensure(credit_, 1);
  until_ready(credit_, 1);
  EXPECT_EQ(machine_->process(nth(0))->pid(), before);
  EXPECT_EQ(world_->starts(nth(0)), 1);
}

TEST_F(ProcessesTest, AfterARestartOfTheMachineAllIsStartedAgainAsThoughNothingHadBeen) {
  begin(2);
  environment_.reset();
  for (int ordinal = 0; ordinal < 2; ++ordinal) world_->kill(nth(ordinal));
  std::ofstream(machine_->data() + "/run/up.json") << "{}";  // somebody else's
  reopen();
  const auto seen = until_ready(credit_, 2);
  for (const ReplicaObserved& each : seen.replicas) EXPECT_EQ(each.failures, 0);
  EXPECT_EQ(world_->starts(nth(0)), 2);
}

TEST_F(ProcessesTest, WhatRunsAndIsNotWrittenAnywhereIsShownAndStoppedOnlyAfterAWhile) {
  begin(2);
  environment_.reset();
  std::ofstream(told_file()) << "{\"revision\": {";  // a file that cannot be read is nobody's word either
  reopen();
  const auto seen = observe();
  EXPECT_THAT(replicas_in(seen, ReplicaState::kReady), ElementsAre(nth(0), nth(1)));
  ASSERT_NE(told(seen, credit_.name), nullptr);
  EXPECT_EQ(told(seen, credit_.name)->replicas, 0);
  EXPECT_EQ(told(seen, credit_.name)->revision.deployment, "credit");
  machine_->pass(29s);
  EXPECT_EQ(replicas_in(observe(), ReplicaState::kReady).size(), 2u);
  machine_->pass(2s);
  until("all gone", [](const auto& now) { return now.replicas.empty() && now.revisions.empty(); });
}

TEST_F(ProcessesTest, NothingIsLeftInTheRunFolderOfWhatWasRemoved) {
  begin(2);
  remove(credit_);
  until("it gone", [](const auto& now) { return now.revisions.empty(); });
  EXPECT_THAT(os::list_folder(machine_->data() + "/run", 100).value(), IsEmpty());
}

TEST_F(ProcessesTest, FilesOfThoseThatEndedWhileNobodyLookedGoAfterAWhile) {
  begin(1);
  environment_.reset();
  world_->kill(nth(0));
  ASSERT_TRUE(std::filesystem::remove(told_file()));
  reopen();
  observe();
  EXPECT_TRUE(std::filesystem::exists(machine_->lock(nth(0))));
  machine_->pass(10s);
  observe();
  EXPECT_THAT(os::list_folder(machine_->data() + "/run", 100).value(), IsEmpty());
}

TEST_F(ProcessesTest, WhatCannotBeWrittenIsNotBegun) {
  reopen();
  std::filesystem::create_directories(told_file() + "/in the way");
  const environment::Applied refused =
      environment_->apply({.kind = ActionKind::kEnsure, .revision = credit_, .replicas = 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, domain::Reason::kDiskFull);
  EXPECT_THAT(refused.error().message, HasSubstr(told_file()));
  EXPECT_THAT(observe().revisions, IsEmpty());
  std::filesystem::remove_all(told_file());
  ensure(credit_, 1);
  until_ready(credit_, 1);
}

TEST_F(ProcessesTest, APromiseCountsForAllRevisionsTogether) {
  machine_->options().memory_bytes = 3000;
  reopen();
  // Small enough for the sum, and no limit that a process of tests could not keep.
  RevisionSpec fraud = environment::revision("fraud");
  credit_.settings.memory_bytes = fraud.settings.memory_bytes = 1000;
  const auto apply = [&](const RevisionSpec& revision, int replicas) {
    return environment_->apply({.kind = ActionKind::kEnsure, .revision = revision, .replicas = replicas});
  };
  machine_->behave(credit_.name, environment::Behaviour::kNoFiles);
  machine_->behave(fraud.name, environment::Behaviour::kNoFiles);
  EXPECT_TRUE(apply(credit_, 2));
  EXPECT_TRUE(apply(fraud, 1));
  EXPECT_EQ(apply(fraud, 2).error().reason, domain::Reason::kInsufficientMemory);
  EXPECT_EQ(told(observe(), fraud.name)->replicas, 1);
  EXPECT_TRUE(apply(credit_, 1));
  EXPECT_TRUE(apply(fraud, 2));
}

TEST_F(ProcessesTest, NamesThatLeadElsewhereAreRefused) {
  reopen();
  credit_.name = "../credit-1-00000000";
  const environment::Applied refused =
      environment_->apply({.kind = ActionKind::kEnsure, .revision = credit_, .replicas = 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, domain::Reason::kEnvironmentUnavailable);
}

TEST_F(ProcessesTest, AGatewayIsShownWithItsRowsAndMissedWhenItDoesNotAnswer) {
  reopen();
  EXPECT_THAT(observe().gateways, IsEmpty());
  const domain::GatewayObserved rows{
      .rows = {{.deployment = "credit", .revision = credit_.name, .weight = 100}}};
  std::ofstream(machine_->data() + "/run/gateway.lock") << "";
  const auto gateway = serve_as_gateway(domain::to_json(rows));
  const auto seen = observe();
  ASSERT_EQ(seen.gateways.size(), 1u);
  EXPECT_EQ(seen.gateways[0], (domain::GatewaySeen{.name = "gateway", .answers = true, .said = rows}));
  gateway->stop();
  const auto after = observe();
  ASSERT_EQ(after.gateways.size(), 1u);
  EXPECT_EQ(after.gateways[0], (domain::GatewaySeen{.name = "gateway", .answers = false, .said = {}}));
}

TEST_F(ProcessesTest, ALargeLogIsMovedAsideAtAStart) {
  machine_->options().log_bytes = 100;
  reopen();
  const std::string log = fmt::format("{}/logs/{}.log", machine_->data(), nth(0));
  std::ofstream(log) << std::string(200, 'x');
  ensure(credit_, 1);
  until_ready(credit_, 1);
  EXPECT_EQ(std::filesystem::file_size(log), 0u);
  EXPECT_EQ(std::filesystem::file_size(log + ".1"), 200u);
}

TEST_F(ProcessesTest, OfRevisionsThatHaveGoneOnlyTheNewestLogsStay) {
  machine_->options().old_logs = 3;
  begin(1);
  const std::string logs = machine_->data() + "/logs/";
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  for (int i = 0; i < 5; ++i) {
    const std::string path = fmt::format("{}old-{}-00000000-0.log", logs, i + 1);
    std::ofstream(path) << "x";
    std::filesystem::last_write_time(path, long_ago + std::chrono::minutes(i));
  }
  std::ofstream(logs + "control.log") << "x";
  const RevisionSpec fraud = environment::revision("fraud");
  ensure(fraud, 1);
  until_ready(fraud, 1);
  remove(fraud);
  until("it gone", [&](const auto& seen) { return told(seen, fraud.name) == nullptr; });
  const auto entries = os::list_folder(logs, 100);
  ASSERT_TRUE(entries);
  std::vector<std::string> left;
  for (const auto& entry : *entries) left.push_back(entry.name);
  EXPECT_THAT(left, ::testing::UnorderedElementsAre("control.log", nth(0) + ".log", fraud.name + "-0.log",
                                                    "old-5-00000000-0.log", "old-4-00000000-0.log"));
}

TEST(ProcessesOpen, NeedsAFolderThatMayBeWrittenTo) {
  const runtime::RealClock clock;
  const auto relative = Processes::open({.data = "/proc", .command = {"true"}}, clock);
  ASSERT_FALSE(relative);
  EXPECT_EQ(relative.error().code, Code::kInvalid);
  const auto nowhere = Processes::open({.data = "/proc/nowhere", .command = {"/bin/true"}}, clock);
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("/proc/nowhere"));
}

}  // namespace
}  // namespace slipway::processes
