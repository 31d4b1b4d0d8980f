// Recorder and endpoints over a store in memory; the loops as a whole are told in tests/sim.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/local/local.h"
#include "services/control/endpoints.h"
#include "services/control/recorder.h"
#include "system/runtime/testing/manual_clock.h"
#include "values/domain/endpoint_slice.h"

namespace slipway::control {
namespace {

using domain::Kind;
using domain::Reason;
using domain::ReplicaState;
using rollout::Note;
using testing::ElementsAre;
using namespace std::chrono_literals;

const WallTime kNow = WallTime{} + 500'000h;

class Control : public testing::Test {
 protected:
  std::vector<std::string> events() const {
    std::vector<std::string> out;
    const auto list = *store_->list(Kind::kEvent, {});
    for (const auto& object : list.items) {
      const auto content = *json::parse_document(object->content);
      out.push_back(fmt::format("{} {} x{}", json::text_of(content, "type"), json::text_of(content, "reason"),
                                content["count"].get<int>()));
    }
    return out;
  }
  void say(const Note& note, WallTime now) {
    if (const auto write = recorder_.record(about_, note, now)) write();
  }
  std::vector<std::string> slices() const {
    std::vector<std::string> out;
    const auto list = *store_->list(Kind::kEndpointSlice, {});
    for (const auto& object : list.items) {
      const auto slice = *domain::parse_endpoint_slice(*object);
      std::string text = slice.revision + ":";
      for (const domain::Endpoint& each : slice.endpoints)
        text += fmt::format(" {}{}{}", each.address, each.ready ? "" : " unready",
                            each.terminating ? " going" : "");
      out.push_back(text);
    }
    return out;
  }

  runtime::testing::ManualClock clock_;
  std::unique_ptr<local::Local> store_ = std::move(*local::Local::open({.path = "", .make_uid = {}}, clock_));
  telemetry::Registry metrics_;
  Recorder recorder_{{.burst = 5}, *store_, metrics_};
  Endpoints endpoints_{"default", *store_};
  const domain::Object about_{.key = {Kind::kModelDeployment, "default", "credit"}, .meta = {.uid = "u1"}};
};

TEST_F(Control, TheSameIsCountedOnOneEvent) {
  const Note note{.reason = Reason::kShifting, .message = "10 %"};
  for (int i = 0; i < 3; ++i) say(note, kNow + i * 1s);
  EXPECT_THAT(events(), ElementsAre("Normal Shifting x3"));
  const auto event = (*store_->list(Kind::kEvent, {})).items[0];
  EXPECT_THAT(event->content, testing::HasSubstr(R"("uid":"u1")"));
}

TEST_F(Control, WhoTalksTooMuchIsCutShortAndMaySpeakAgainLater) {
  for (int i = 0; i < 20; ++i)
    say({.reason = Reason::kExited, .message = fmt::format("time {}", i), .tone = rollout::Tone::kWarning},
        kNow);
  EXPECT_EQ(events().size(), 5u);
  say({.reason = Reason::kReady, .message = "at last"}, kNow + 5min);
  EXPECT_EQ(events().size(), 6u);
  say({.reason = Reason::kReady, .message = "more"}, kNow + 6min);
  EXPECT_EQ(events().size(), 6u);
}

TEST_F(Control, AnEventThatWasThereBeforeThisProcessCountsOn) {
  const Note note{.reason = Reason::kShifting, .message = "10 %"};
  say(note, kNow);
  Recorder next({}, *store_, metrics_);
  next.record(about_, note, kNow + 1h)();
  EXPECT_EQ(events().size(), 1u);
}

TEST_F(Control, ALongMessageIsCutBetweenCharacters) {
  std::string message;
  for (int i = 0; i < 600; ++i) message += "ö";
  say({.reason = Reason::kExited, .message = message}, kNow);
  const auto content = *json::parse_document((*store_->list(Kind::kEvent, {})).items[0]->content);
  EXPECT_LE(json::text_of(content, "message").size(), 1024u);
  EXPECT_TRUE(json::text_of(content, "message").ends_with("ö…"));
}

domain::Observation observation(std::vector<std::pair<std::string, ReplicaState>> replicas) {
  domain::Observation out;
  out.revisions.push_back(
      {.revision = {.name = "credit-1-aaaaaaaa", .deployment = "credit"}, .replicas = 2, .fault = {}});
  for (auto& [address, state] : replicas)
    out.replicas.push_back({.name = "credit-1-aaaaaaaa-" + address,
                            .address = address,
                            .revision = "credit-1-aaaaaaaa",
                            .deployment = "credit",
                            .state = state});
  return out;
}

TEST_F(Control, EndpointsSayWhoAnswersWhoDoesNotAndWhoGoes) {
  ASSERT_TRUE(endpoints_.publish(observation({{"a.sock", ReplicaState::kReady},
                                              {"b.sock", ReplicaState::kStarting},
                                              {"c.sock", ReplicaState::kDraining}})));
  EXPECT_THAT(slices(), ElementsAre("credit-1-aaaaaaaa: a.sock b.sock unready c.sock unready going"));
}

TEST_F(Control, WhatDidNotChangeIsNotWritten) {
  ASSERT_TRUE(endpoints_.publish(observation({{"a.sock", ReplicaState::kReady}})));
  const uint64_t before = store_->resource_version();
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(endpoints_.publish(observation({{"a.sock", ReplicaState::kReady}})));
  EXPECT_EQ(store_->resource_version(), before);
}

TEST_F(Control, ARevisionThatIsGoneHasNoSlice) {
  ASSERT_TRUE(endpoints_.publish(observation({{"a.sock", ReplicaState::kReady}})));
  ASSERT_TRUE(endpoints_.publish({}));
  EXPECT_THAT(slices(), ElementsAre());
}

TEST_F(Control, AnotherProcessPublishesOverWhatTheLastOneDid) {
  ASSERT_TRUE(endpoints_.publish(observation({{"a.sock", ReplicaState::kReady}})));
  Endpoints next("default", *store_);
  ASSERT_TRUE(next.publish(observation({{"a.sock", ReplicaState::kStarting}})));
  EXPECT_THAT(slices(), ElementsAre("credit-1-aaaaaaaa: a.sock unready"));
}

}  // namespace
}  // namespace slipway::control
