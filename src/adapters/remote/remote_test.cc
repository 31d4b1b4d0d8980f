#include "adapters/remote/remote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "ports/store/mirror.h"
#include "ports/store/testing/store_contract.h"
#include "services/api/testing/served_store.h"
#include "system/http/testing/tls_peer.h"
#include "system/kube/testing/fake_api.h"
#include "values/domain/endpoint_slice.h"

namespace slipway::remote {
namespace {

using namespace std::chrono_literals;
using kube::testing::Canned;
using kube::testing::FakeApi;
using store::Change;
using store::deployment;
using store::Kind;
using store::StoreContract;
using store::StoreFactory;
using store::StoreUnderTest;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kKind = Kind::kModelDeployment;
const store::Cause kCause{.actor = {"tester"}, .reason = "Test", .request_id = "r-1"};
const runtime::RealClock kClock;
std::shared_ptr<api::testing::ServedStore> serve(size_t history = 4096) {
  return std::make_shared<api::testing::ServedStore>(
      api::testing::ServedOptions{.history = history, .tls = http::testing::tls_for()});
}

kube::Access access(const api::testing::ServedStore& served, std::string token = api::testing::kToken) {
  return served.access(http::testing::test_authority().certificate_pem, std::move(token));
}

StoreUnderTest over_the_api(size_t history) {
  auto world = serve(history);
  return {.world = world, .store = std::make_unique<Remote>(access(*world), kClock)};
}

INSTANTIATE_TEST_SUITE_P(Remote, StoreContract,
                         testing::Values(StoreFactory{"OverTheApi", [] { return over_the_api(4096); }},
                                         StoreFactory{"OverTheApiShort", [] { return over_the_api(16); },
                                                      16}),
                         [](const auto& factory) { return factory.param.name; });

store::ObjectKey key(const std::string& name) { return {kKind, "default", name}; }

std::vector<std::string> names(const Result<store::Listing>& listing) {
  std::vector<std::string> out;
  EXPECT_TRUE(listing) << listing.error().message;
  if (listing)
    for (const store::ObjectPtr& item : listing->items) out.push_back(item->key.name);
  return out;
}

class RemoteTest : public testing::Test {
 protected:
  void make(std::initializer_list<const char*> all) {
    for (const char* name : all) ASSERT_TRUE(served_->store().create(deployment(name), kCause));
  }
  const std::shared_ptr<api::testing::ServedStore> served_ = serve();
  Remote remote_{access(*served_), kClock};
};

TEST_F(RemoteTest, WritersWithoutAPreconditionAllGetTheirTurn) {
  make({"a"});
  std::vector<std::future<Result<store::ObjectPtr>>> writers;
  for (int i = 1; i <= 4; ++i)
    writers.push_back(std::async(std::launch::async,
                                 [&, i] { return remote_.update(deployment("a", i + 1), {}, kCause); }));
  for (auto& writer : writers) {
    const auto written = writer.get();
    EXPECT_TRUE(written) << written.error().message;
  }
  EXPECT_EQ((*remote_.get(key("a")))->meta.generation, 5);
}

TEST_F(RemoteTest, GoesOnBehindAnObjectWithoutAToken) {
  make({"a", "b", "c", "d", "e"});
  const auto page =
      remote_.list(kKind, {.space = "default", .limit = 2, .after_space = "default", .after_name = "b"});
  EXPECT_THAT(names(page), ElementsAre("c", "d"));
  EXPECT_EQ(page->remaining, 1u);
  EXPECT_THAT(names(remote_.list(kKind, {.limit = 2})), ElementsAre("a", "b"));
  EXPECT_THAT(names(remote_.list(kKind, {.after_space = "default", .after_name = "d"})), ElementsAre("e"));
}

TEST_F(RemoteTest, ListsThePast) {
  make({"a", "b"});
  const auto then = remote_.list(kKind, {.space = "default"});
  ASSERT_TRUE(served_->store().remove(key("a"), {}, kCause));
  make({"c"});
  EXPECT_THAT(names(remote_.list(kKind, {.space = "default", .at = then->resource_version})),
              ElementsAre("a", "b"));
  EXPECT_THAT(names(remote_.list(kKind, {.space = "default", .limit = 1, .at = then->resource_version})),
              ElementsAre("a"));
  EXPECT_EQ(remote_.list(kKind, {.space = "default", .at = 1'000'000}).error().code, Code::kTimeout);
}

TEST_F(RemoteTest, AStrangerIsDenied) {
  make({"a"});
  Remote stranger(access(*served_, "another-token"), kClock);
  EXPECT_EQ(stranger.get(key("a")).error().code, Code::kDenied);
  EXPECT_EQ(stranger.list(kKind, {}).error().code, Code::kDenied);
  EXPECT_EQ(stranger.create(deployment("b"), kCause).error().code, Code::kDenied);
  EXPECT_EQ(stranger.update(deployment("a"), {}, kCause).error().code, Code::kDenied);
  auto watch = stranger.watch(kKind, {});
  ASSERT_TRUE(watch);
  EXPECT_EQ((*watch)->next(5s).error().code, Code::kDenied);
}

TEST_F(RemoteTest, WhatIsWrongIsSaidWithItsField) {
  store::Object wrong = deployment("a");
  wrong.content = R"({"spec":{"model":"credit","version":0}})";
  const auto made = remote_.create(wrong, kCause);
  EXPECT_EQ(made.error().code, Code::kInvalid);
  EXPECT_THAT(made.error().message, HasSubstr("spec.version"));
}

TEST_F(RemoteTest, AnotherObjectsUidIsAConflictWhateverTheVersion) {
  make({"a"});
  const auto seen = remote_.get(key("a"));
  const store::Precondition stranger{"00000000-0000-4000-8000-000000000000", (*seen)->meta.resource_version};
  EXPECT_EQ(remote_.update(deployment("a", 2), stranger, kCause).error().code, Code::kConflict);
  EXPECT_EQ(remote_.update_status(key("a"), "{}", stranger, kCause).error().code, Code::kConflict);
  EXPECT_EQ(remote_.remove(key("a"), stranger, kCause).error().code, Code::kConflict);
}

TEST_F(RemoteTest, RemoveGivesWhatWasRemoved) {
  make({"a"});
  const auto seen = remote_.get(key("a"));
  const auto removed = remote_.remove(key("a"), {}, kCause);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(**removed, **seen);
}

TEST_F(RemoteTest, AVersionThatHasNotHappenedIsATimeout) {
  auto watch = remote_.watch(kKind, {.space = "", .after = 1'000'000});
  ASSERT_TRUE(watch);
  EXPECT_EQ((*watch)->next(5s).error().code, Code::kTimeout);
}

TEST_F(RemoteTest, AShortQueueHoldsUpTheFirstListAndLosesNothing) {
  make({"a", "b", "c", "d", "e", "f"});
  Remote narrow(access(*served_), kClock, {.waiting_events = 1});
  auto watch = narrow.watch(kKind, {});
  ASSERT_TRUE(watch);
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    const auto event = (*watch)->next(5s);
    ASSERT_TRUE(event && *event);
    EXPECT_EQ((*event)->object->key.name, name);
  }
  const auto listed = (*watch)->next(5s);
  ASSERT_TRUE(listed && *listed);
  EXPECT_EQ((*listed)->change, Change::kListed);
  EXPECT_EQ((*listed)->resource_version, (*watch)->resource_version());
}

TEST_F(RemoteTest, WhoDoesNotTakeIsCutOffAndTheServerIsRidOfTheWatch) {
  make({"a"});
  Remote narrow(access(*served_), kClock, {.waiting_events = 4});
  const auto version = narrow.list(kKind, {})->resource_version;
  auto watch = narrow.watch(kKind, {.space = "", .after = version});
  ASSERT_TRUE(watch);
  while (served_->api().open_watches() == 0) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(served_->store().update(deployment("a", 2 + i), {}, kCause));
  while (served_->api().open_watches() != 0) std::this_thread::yield();
  EXPECT_EQ((*watch)->next(5s).error().code, Code::kNotFound);
  auto anew = narrow.watch(kKind, {});
  const auto event = (*anew)->next(5s);
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->object->meta.generation, 21);
}

TEST_F(RemoteTest, AWatchEndsWhenItIsDestroyedWhetherItListensOrConnects) {
  auto listening = remote_.watch(kKind, {});
  while (served_->api().open_watches() == 0) std::this_thread::yield();
  const auto began = std::chrono::steady_clock::now();
  listening->reset();
  kube::Access nowhere = access(*served_);
  nowhere.server = "https://127.0.0.1:1";
  Remote lost(nowhere, kClock);
  lost.watch(kKind, {})->reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(RemoteTest, AServerThatIsNotThereIsUnavailable) {
  kube::Access nowhere = access(*served_);
  nowhere.server = "https://127.0.0.1:1";
  Remote lost(nowhere, kClock);
  EXPECT_EQ(lost.get(key("a")).error().code, Code::kUnavailable);
  EXPECT_EQ(lost.create(deployment("a"), kCause).error().code, Code::kUnavailable);
}

TEST_F(RemoteTest, AWatchSaysWhetherItsServerCanBeReached) {
  kube::Access nowhere = access(*served_);
  nowhere.server = "https://127.0.0.1:1";
  Remote lost(nowhere, kClock);
  const auto waiting = lost.watch(kKind, {});
  ASSERT_TRUE(waiting);
  while (!(*waiting)->lost()) std::this_thread::yield();
  const auto there = remote_.watch(kKind, {});
  ASSERT_TRUE((*there)->next(5s));
  EXPECT_FALSE((*there)->lost());
}

TEST_F(RemoteTest, InterruptEndsWhatComesLater) {
  make({"a"});
  ASSERT_TRUE(remote_.get(key("a")));
  remote_.interrupt();
  EXPECT_EQ(remote_.get(key("a")).error().code, Code::kUnavailable);
}

TEST_F(RemoteTest, EndpointsOfDeploymentsAreTheOnesThatOurOwnServerGives) {
  const auto slice = [](const std::string& name) {
    return domain::to_object(
        domain::EndpointSlice{.name = name, .revision = "r", .deployment = "d", .endpoints = {}}, "default");
  };
  store::Object stranger = slice("stranger");
  stranger.meta.labels.erase(std::string(domain::kDeploymentLabel));
  ASSERT_TRUE(served_->store().create(slice("ours"), kCause));
  ASSERT_TRUE(served_->store().create(stranger, kCause));
  EXPECT_THAT(names(remote_.list(Kind::kEndpointSlice, {})), ElementsAre("ours"));
  auto watch = remote_.watch(Kind::kEndpointSlice, {});
  const auto event = (*watch)->next(5s);
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->object->key.name, "ours");
  EXPECT_EQ((*(*watch)->next(5s))->change, Change::kListed);
}

}  // namespace
}  // namespace slipway::remote
