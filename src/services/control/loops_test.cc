// What the loops may decide on; whole lives are told in tests/sim.
#include "services/control/loops.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/local/local.h"
#include "ports/environment/testing/fake_environment.h"
#include "system/runtime/testing/manual_clock.h"
#include "values/domain/model_version.h"

namespace slipway::control {
namespace {

using domain::Kind;
using namespace std::chrono_literals;

const store::Cause kPeople{.actor = {"people"}, .reason = "", .request_id = {}};
const domain::ObjectKey kCredit{Kind::kModelDeployment, "default", "credit"};

class LoopsTest : public testing::Test {
 protected:
  void SetUp() override {
    clock_.advance(1h);
    for (const int64_t version : {1, 2}) {
      const std::string digest = fmt::format("sha256:{:064}", version);
      const domain::ModelVersion content{
          .model = "credit", .version = version, .artifact = "credit@" + digest, .digest = digest};
      ASSERT_TRUE(store_->create({.key = {Kind::kModelVersion, "default", content.name()},
                                  .meta = {},
                                  .content = json::canonical(domain::to_content(content))},
                                 kPeople));
    }
  }

  void want(int64_t version) {
    domain::ModelDeploymentSpec spec{.model = "credit", .version = version, .replicas = 2};
    spec.rollout.keep = 0s;
    const std::string content = json::canonical(domain::to_content(spec));
    if (!store_->get(kCredit))
      ASSERT_TRUE(store_->create({.key = kCredit, .meta = {}, .content = content}, kPeople));
    else
      ASSERT_TRUE(store_->update({.key = kCredit, .meta = {}, .content = content}, {}, kPeople));
  }

  domain::ModelDeployment deployment() const {
    return *domain::parse_model_deployment(**store_->get(kCredit));
  }
  // Whether that version, and no other, is there and gets all requests.
  bool is_alone(int64_t version) const {
    const auto status = deployment().status;
    return status.revisions.size() == 1 && status.revisions[0].weight == 100 &&
           status.revisions[0].revision.version == version;
  }
  void step_until(const std::function<bool()>& holds) {
    for (int i = 0; i < 200 && !holds(); ++i) {
      loops_.step(clock_.now());
      clock_.advance(100ms);
    }
    ASSERT_TRUE(holds());
  }

  runtime::testing::ManualClock clock_;
  std::unique_ptr<local::Local> store_ = std::move(*local::Local::open({.path = "", .make_uid = {}}, clock_));
  environment::FakePlace place_{{}, clock_};
  std::unique_ptr<environment::Environment> environment_ = place_.open();
  telemetry::Registry metrics_;
  Loops loops_{{}, *store_, *environment_, clock_, metrics_};
};

// A replica that was told to end says that it is ready until somebody looks again.
TEST_F(LoopsTest, WhatWasJustToldToEndIsNotTakenForReadyWhenItIsWantedAgain) {
  want(1);
  step_until([&] { return is_alone(1); });
  want(2);
  step_until([&] { return is_alone(2); });
  want(1);
  loops_.step(clock_.now());
  const auto status = deployment().status;
  for (const domain::RevisionStatus& each : status.revisions)
    EXPECT_EQ(each.weight, each.revision.version == 2 ? 100 : 0) << each.revision.name;
  step_until([&] { return is_alone(1); });
}

}  // namespace
}  // namespace slipway::control
