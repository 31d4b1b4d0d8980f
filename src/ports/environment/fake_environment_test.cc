#include "ports/environment/testing/fake_environment.h"

#include <gtest/gtest.h>

#include "ports/environment/testing/environment_contract.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::environment {
namespace {

using namespace std::chrono_literals;

class FakeWorld final : public World {
 public:
  FakeWorld() {
    clock_.advance(1h);
    place_.script = [this](const domain::RevisionSpec& revision) { return scripts_[revision.name]; };
  }
  std::unique_ptr<Environment> open() override { return place_.open(); }
  void behave(const std::string& revision, Behaviour behaviour) override {
    using Act = Script::Act;
    const std::map<Behaviour, Act> acts{{Behaviour::kServes, Act::kServes},
                                        {Behaviour::kUnservable, Act::kLoadFails},
                                        {Behaviour::kNeverReady, Act::kNeverReady},
                                        {Behaviour::kNoFiles, Act::kNoFiles}};
    scripts_[revision].act = acts.at(behaviour);
  }
  void kill(const std::string& replica) override { place_.kill(replica); }
  int starts(const std::string& replica) override { return place_.starts(replica); }
  void moment() override { clock_.advance(10ms); }
  void pass(Duration time) override { clock_.advance(time); }

  runtime::testing::ManualClock clock_;
  std::map<std::string, Script> scripts_;
  FakePlace place_{{}, clock_};
};

INSTANTIATE_TEST_SUITE_P(Fake, EnvironmentContract,
                         testing::Values(WorldFactory{"Fake", [] { return std::make_unique<FakeWorld>(); }}),
                         [](const auto& each) { return each.param.name; });

class FakeEnvironmentTest : public EnvironmentContract {
 protected:
  void SetUp() override {
    auto world = std::make_unique<FakeWorld>();
    fake_ = world.get();
    world_ = std::move(world);
    reopen();
    ensure(credit_, 1);
    until_ready(credit_, 1);
  }
  std::string replica() const { return credit_.name + "-0"; }
  std::string address() const { return address_of(replica()); }

  FakeWorld* fake_ = nullptr;
  const domain::RevisionSpec credit_ = revision("credit");
};

TEST_F(FakeEnvironmentTest, ADrainingReplicaAnswersUntilItHasBeenQuiet) {
  remove(credit_);
  for (int i = 0; i < 5; ++i) {
    const auto taken = fake_->place_.arrive(address());
    ASSERT_EQ(taken.arrival, FakePlace::Arrival::kTaken);
    fake_->pass(1s);
    EXPECT_TRUE(fake_->place_.finish(address(), taken.process->life));
  }
  fake_->pass(2s);
  EXPECT_EQ(fake_->place_.arrive(address()).arrival, FakePlace::Arrival::kRefused);
}

TEST_F(FakeEnvironmentTest, ARequestThatItsReplicaTookWithItIsNotAnswered) {
  const auto taken = fake_->place_.arrive(address());
  const uint64_t life = taken.process->life;
  fake_->place_.kill(replica());
  EXPECT_FALSE(fake_->place_.finish(address(), life));
  EXPECT_FALSE(fake_->place_.can_answer(address()));
}

TEST_F(FakeEnvironmentTest, OneThatHangsAnswersNothingIsShownSoAndIsStartedAgain) {
  fake_->place_.hang(replica());
  EXPECT_EQ(fake_->place_.arrive(address()).arrival, FakePlace::Arrival::kSilent);
  observe();
  for (int i = 0; i < 11; ++i) fake_->pass(1s), observe();
  EXPECT_EQ(find(observe(), replica())->state, domain::ReplicaState::kHanging);
  for (int i = 0; i < 60; ++i) fake_->pass(1s), observe();
  EXPECT_EQ(find(until_ready(credit_, 1), replica())->fault->reason, domain::Reason::kHanging);
  EXPECT_EQ(fake_->starts(replica()), 2);
}

TEST_F(FakeEnvironmentTest, AMachineThatRestartsStartsWhatWasTold) {
  fake_->place_.restart_machine();
  reopen();
  until_ready(credit_, 1);
  EXPECT_EQ(fake_->starts(replica()), 2);
}

TEST_F(FakeEnvironmentTest, AFullDiskTakesNothingIn) {
  fake_->place_.full = true;
  const Applied done =
      environment_->apply({.kind = domain::ActionKind::kEnsure, .revision = credit_, .replicas = 2});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, domain::Reason::kDiskFull);
  EXPECT_EQ(observe().replicas.size(), 1u);
}

TEST_F(FakeEnvironmentTest, AnOlderInstanceSeesAndDoesNothing) {
  auto older = std::move(environment_);
  environment_ = world_->open();
  EXPECT_FALSE(older->observe());
  EXPECT_FALSE(older->apply({.kind = domain::ActionKind::kRemove, .revision = credit_}));
  until_ready(credit_, 1);
}

}  // namespace
}  // namespace slipway::environment
