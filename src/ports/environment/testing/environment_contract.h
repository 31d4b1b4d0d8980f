// What every environment keeps, as tests. An implementation's test says how to make a world:
//
//   INSTANTIATE_TEST_SUITE_P(Processes, EnvironmentContract, testing::Values(WorldFactory{…}));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "ports/environment/environment.h"

namespace slipway::environment {

// What a revision's replicas do from their next start on.
enum class Behaviour : uint8_t {
  kServes,
  kUnservable,  // ends with the reason LoadFailed
  kNeverReady,  // loads for ever
  kNoFiles,     // its files cannot be brought
};

// The place that replicas run in, with what a test does to it.
class World {
 public:
  virtual ~World() = default;

  // An instance over this place; the one before has gone.
  virtual std::unique_ptr<Environment> open() = 0;
  virtual void behave(const std::string& revision, Behaviour behaviour) = 0;
  virtual void kill(const std::string& replica) = 0;   // ends at once, as by SIGKILL
  virtual int starts(const std::string& replica) = 0;  // how often it was started
  // A little time, for what is under way to go on: much less than a second of the environment's clock.
  virtual void moment() = 0;
  virtual void pass(Duration time) = 0;  // so much of the environment's clock
};

struct WorldFactory {
  std::string name;
  std::function<std::unique_ptr<World>()> make;
};

class EnvironmentContract : public testing::TestWithParam<WorldFactory> {
 protected:
  void SetUp() override {
    world_ = GetParam().make();
    ASSERT_NE(world_, nullptr);
    reopen();
  }
  void TearDown() override { environment_.reset(); }

  void reopen() {
    environment_.reset();
    environment_ = world_->open();
    ASSERT_NE(environment_, nullptr);
  }
  void ensure(const domain::RevisionSpec& revision, int replicas);
  void remove(const domain::RevisionSpec& revision);
  // What is seen once it is so; the last that was seen when that never comes, and a failure.
  Observation until(const std::string& what, const std::function<bool(const Observation&)>& so);
  Observation until_ready(const domain::RevisionSpec& revision, int replicas);
  Observation observe();

  std::unique_ptr<World> world_;
  std::unique_ptr<Environment> environment_;
};

// A revision of that deployment's version.
domain::RevisionSpec revision(const std::string& deployment, int64_t version = 1);

// Readers for expectations.
const domain::ReplicaObserved* find(const Observation& observation, const std::string& replica);
std::vector<std::string> replicas_in(const Observation& observation, domain::ReplicaState state);
const domain::RevisionTold* told(const Observation& observation, const std::string& revision);

}  // namespace slipway::environment
