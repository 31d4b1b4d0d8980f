// Watches, and calls to servers that are not our own: played by one that says what it is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "adapters/remote/remote.h"
#include "ports/store/mirror.h"
#include "ports/store/testing/store_contract.h"
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
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kKind = Kind::kModelDeployment;
const store::Cause kCause{.actor = {"tester"}, .reason = "Test", .request_id = "r-1"};
const runtime::RealClock kClock;

std::vector<std::string> names(const Result<store::Listing>& listing) {
  std::vector<std::string> out;
  EXPECT_TRUE(listing) << listing.error().message;
  if (listing)
    for (const store::ObjectPtr& item : listing->items) out.push_back(item->key.name);
  return out;
}

const std::string kPath = "GET /apis/slipway.dev/v1alpha1/modeldeployments";

std::string object_json(const std::string& name, int version) {
  store::Object object = deployment(name);
  object.meta.resource_version = static_cast<uint64_t>(version);
  return domain::to_json(object);
}

std::string line(const std::string& type, const std::string& object) {
  return fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, object);
}

std::string bookmark(int version) {
  return line(
      "BOOKMARK",
      fmt::format(
          R"({{"kind":"ModelDeployment","apiVersion":"slipway.dev/v1alpha1","metadata":{{"resourceVersion":"{}"}}}})",
          version));
}

std::string shown(store::Watch& watch) {
  const auto event = watch.next(5s);
  if (!event) return "error: " + event.error().message;
  if (!*event) return "nothing";
  const std::string name = (*event)->object ? (*event)->object->key.name : "listed";
  return fmt::format("{}@{}", name, (*event)->resource_version);
}

TEST(RemoteWatch, AsksForAListWhereTheServerDoesNotBeginWithWhatIsThere) {
  FakeApi api;
  api.will(
      kPath,
      {.status = 422,
       .body = kube::testing::status_json(
           422, "Invalid",
           R"(ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled)")});
  api.will(kPath, {.body = fmt::format(R"({{"metadata":{{"resourceVersion":"9"}},"items":[{},{}]}})",
                                       object_json("a", 3), object_json("b", 7))});
  api.will(kPath, {.body = line("MODIFIED", object_json("a", 10)), .end = Canned::End::kHold});
  Remote remote(api.access(), kClock);
  auto watch = remote.watch(kKind, {});
  ASSERT_TRUE(watch);
  EXPECT_EQ(shown(**watch), "a@3");
  EXPECT_EQ(shown(**watch), "b@7");
  EXPECT_EQ(shown(**watch), "listed@9");
  EXPECT_EQ(shown(**watch), "a@10");
  EXPECT_THAT(api.targets().back(), HasSubstr("resourceVersion=9"));
}

TEST(RemoteWatch, GoesOnOverConnectionsThatComeAndGo) {
  FakeApi api;
  api.will(kPath, {.body = line("ADDED", object_json("a", 6)) + bookmark(8), .end = Canned::End::kFinish});
  api.will(kPath, {.body = line("DELETED", object_json("a", 9)), .end = Canned::End::kHold});
  Remote remote(api.access(), kClock);
  auto watch = remote.watch(kKind, {.space = "", .after = 5});
  EXPECT_EQ((*watch)->resource_version(), 5u);
  EXPECT_EQ(shown(**watch), "a@6");
  EXPECT_EQ(shown(**watch), "a@9");
  EXPECT_THAT(api.targets().back(), HasSubstr("resourceVersion=8"));
}

// What serves them has just started, and has not looked yet: an empty list would be a lie.
TEST(RemoteWatch, WaitsForEndpointsThatAreNotKnownYet) {
  FakeApi api;
  api.will(kPath, {.status = 503,
                   .body = kube::testing::status_json(503, "ServiceUnavailable", "not looked at yet"),
                   .end = Canned::End::kFinish});
  api.will(kPath, {.body = line("ADDED", object_json("a", 6)), .end = Canned::End::kHold});
  Remote remote(api.access(), kClock);
  auto watch = remote.watch(kKind, {.space = "", .after = 5});
  EXPECT_EQ(shown(**watch), "a@6");
}

TEST(RemoteWatch, ABookmarkMovesTheVersionWithoutAnEvent) {
  FakeApi api;
  api.will(kPath, {.body = bookmark(7) + bookmark(12) + line("ADDED", object_json("a", 13)),
                   .end = Canned::End::kHold});
  Remote remote(api.access(), kClock);
  auto watch = remote.watch(kKind, {.space = "", .after = 5});
  EXPECT_EQ(shown(**watch), "a@13");
  EXPECT_EQ((*watch)->resource_version(), 13u);
}

TEST(RemoteWatch, WhatIsTooOldIsNotFound) {
  FakeApi api;
  api.will(
      kPath,
      {.body = line("ERROR", kube::testing::status_json(410, "Expired", "too old resource version: 5 (100)")),
       .end = Canned::End::kFinish});
  Remote remote(api.access(), kClock);
  auto watch = remote.watch(kKind, {.space = "", .after = 5});
  const auto event = (*watch)->next(5s);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Code::kNotFound);
  EXPECT_EQ((*watch)->try_next().error().code, Code::kNotFound);
}

TEST(RemoteWatch, AnEventThatIsNoObjectEndsIt) {
  FakeApi api;
  api.will(kPath, {.body = line("ADDED", R"({"metadata":{"name":7}})"), .end = Canned::End::kFinish});
  Remote remote(api.access(), kClock);
  auto watch = remote.watch(kKind, {.space = "", .after = 5});
  EXPECT_EQ((*watch)->next(5s).error().code, Code::kInvalid);
}

constexpr std::string_view kTooNew =
    R"({"kind":"Status","status":"Failure","code":504,"reason":"Timeout","message":"Too large resource version",)"
    R"("details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}]}})";
const Options kQuick{.longest_wait = 1ms};

// One of several servers may be behind the one that answered before.
TEST(RemoteWatch, WaitsForAServerThatIsBehindWhatItHasSeen) {
  FakeApi api;
  api.will(kPath, {.body = line("ADDED", object_json("a", 6)), .end = Canned::End::kFinish});
  for (int i = 0; i < 3; ++i) api.will(kPath, {.status = 504, .body = std::string(kTooNew)});
  api.will(kPath, {.body = line("MODIFIED", object_json("a", 7)), .end = Canned::End::kHold});
  Remote remote(api.access(), kClock, kQuick);
  auto watch = remote.watch(kKind, {.space = "", .after = 5});
  EXPECT_EQ(shown(**watch), "a@6");
  EXPECT_EQ(shown(**watch), "a@7");
}

TEST(RemoteWatch, AServerThatStaysBehindHasGoneBack) {
  FakeApi api;
  api.will(kPath, {.body = line("ADDED", object_json("a", 6)), .end = Canned::End::kFinish});
  api.will(kPath, {.status = 504, .body = std::string(kTooNew)});
  Options options = kQuick;
  options.behind_wait = 0s;
  Remote remote(api.access(), kClock, options);
  auto watch = remote.watch(kKind, {.space = "", .after = 5});
  EXPECT_EQ(shown(**watch), "a@6");
  const auto event = (*watch)->next(5s);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Code::kNotFound);
  EXPECT_EQ(event.error().message, "the server has gone back to an earlier version; list again");
}

TEST(RemoteWatch, IsNotLostWhileItsStreamSaysNothing) {
  FakeApi api;
  api.will(kPath, {.body = line("ADDED", object_json("a", 6)), .end = Canned::End::kAbort});
  api.will(kPath, {.status = 503, .body = kube::testing::status_json(503, "ServiceUnavailable", "starting")});
  api.will(kPath, {.body = "", .end = Canned::End::kHold});
  Remote remote(api.access(), kClock, kQuick);
  auto watch = remote.watch(kKind, {.space = "", .after = 5});
  EXPECT_EQ(shown(**watch), "a@6");
  api.await_requests(3);
  while ((*watch)->lost()) std::this_thread::yield();
}

// A mirror goes on through an outage after which the server remembers nothing: one list, and what vanished
// meanwhile is told.
TEST(RemoteWatch, AMirrorListsOnceAfterAnOutage) {
  const Canned starting{.status = 503,
                        .body = kube::testing::status_json(503, "ServiceUnavailable", "starting")};
  const auto end_of_list = [](int version) {
    return line("BOOKMARK", fmt::format(R"({{"metadata":{{"resourceVersion":"{}","annotations":)"
                                        R"({{"k8s.io/initial-events-end":"true"}}}}}})",
                                        version));
  };
  FakeApi api;
  api.will(kPath,
           {.body = line("ADDED", object_json("a", 3)) + line("ADDED", object_json("b", 4)) + end_of_list(9),
            .end = Canned::End::kAbort});
  for (int i = 0; i < 4; ++i) api.will(kPath, starting);
  api.will(kPath, {.status = 410, .body = kube::testing::status_json(410, "Expired", "too old")});
  for (int i = 0; i < 4; ++i) api.will(kPath, starting);
  api.will(kPath, {.body = line("ADDED", object_json("b", 4)) + end_of_list(50), .end = Canned::End::kHold});
  Remote remote(api.access(), kClock, kQuick);
  runtime::Mutex mutex;
  runtime::CondVar woken;
  bool news = false;
  store::Mirror mirror(remote, kKind, "", [&] {
    const runtime::MutexLock lock(mutex);
    news = true;
    woken.notify_all();
  });
  std::set<std::string> gone;
  while (gone.empty()) {
    const auto changes = mirror.pull();
    if (!changes) continue;  // its watch has ended: the next call opens another
    gone = changes->gone;
    const runtime::MutexLock lock(mutex);
    while (gone.empty() && !news) woken.wait(mutex);
    news = false;
  }
  EXPECT_THAT(gone, ElementsAre("a"));
  EXPECT_NE(mirror.find("b"), nullptr);
  const auto targets = api.targets();
  // The first list, and after the outage as many tries as it took for one.
  const auto lists = std::ranges::count_if(targets, [](const std::string& target) {
    return target.find("sendInitialEvents") != std::string::npos;
  });
  EXPECT_EQ(targets.size(), 11u);
  EXPECT_EQ(lists, 6);
  EXPECT_THAT(targets.back(), testing::Not(HasSubstr("resourceVersion=")));
}

TEST(RemoteEndpoints, AreThoseOfDeployments) {
  const std::string slices = "GET /apis/discovery.k8s.io/v1/namespaces/a/endpointslices";
  FakeApi api;
  api.will(slices, {.body = R"({"metadata":{"resourceVersion":"9"},"items":[]})"});
  api.will(slices, {.body = "", .end = Canned::End::kHold});
  Remote remote(api.access(), kClock);
  EXPECT_TRUE(remote.list(Kind::kEndpointSlice, {.space = "a"}));
  const auto watch = remote.watch(Kind::kEndpointSlice, {.space = "a", .after = 9});
  api.await_requests(2);
  EXPECT_THAT(api.targets(), testing::Each(HasSubstr("labelSelector=slipway.dev%2Fdeployment")));
}

TEST(RemoteCalls, AskABusyServerAgainWhenItSaysWhen) {
  const std::string post = "POST /apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments";
  const Canned busy{.status = 429,
                    .body = kube::testing::status_json(429, "TooManyRequests", "busy"),
                    .headers = {{"retry-after", "0"}}};
  FakeApi api;
  telemetry::Registry registry;
  kube::ApiMetrics metrics(registry);
  Remote remote(api.access(), kClock, {.metrics = &metrics});
  for (int i = 0; i < 3; ++i) api.will(post, busy);
  api.will(post, {.status = 201, .body = object_json("a", 7)});
  EXPECT_TRUE(remote.create(deployment("a"), kCause));
  for (int i = 0; i < 4; ++i) api.will(post, busy);
  EXPECT_EQ(remote.create(deployment("a"), kCause).error().code, Code::kUnavailable);
  EXPECT_EQ(api.requests().size(), 8u);
  EXPECT_THAT(registry.expose(telemetry::Form::kPrometheus),
              HasSubstr(R"(slipway_kube_requests_total{verb="create",code="429"} 7)"));
}

TEST(RemoteCalls, AreMadeUnderOneNameWhereThatIsWanted) {
  const std::string post = "POST /apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments";
  FakeApi api;
  for (int i = 0; i < 2; ++i) api.will(post, {.status = 201, .body = object_json("a", 7)});
  EXPECT_TRUE(Remote(api.access(), kClock).create(deployment("a"), kCause));
  EXPECT_TRUE(Remote(api.access(), kClock, {.field_manager = "slipway"}).create(deployment("a"), kCause));
  EXPECT_THAT(api.targets(), ElementsAre(HasSubstr("fieldManager=Test"), HasSubstr("fieldManager=slipway")));
}

TEST(RemoteList, IsReadInPagesOfTheServer) {
  FakeApi api;
  api.will(kPath,
           {.body = fmt::format(R"({{"metadata":{{"resourceVersion":"9","continue":"more"}},"items":[{}]}})",
                                object_json("b", 3))});
  api.will(kPath, {.body = fmt::format(R"({{"metadata":{{"resourceVersion":"9"}},"items":[{}]}})",
                                       object_json("a", 7))});
  Remote remote(api.access(), kClock);
  EXPECT_THAT(names(remote.list(kKind, {.at = 9})), ElementsAre("a", "b"));
  EXPECT_THAT(api.targets().front(), HasSubstr("resourceVersion=9&resourceVersionMatch=Exact"));
  EXPECT_THAT(api.targets().back(),
              testing::AllOf(HasSubstr("continue=more"), testing::Not(HasSubstr("Exact"))));
}

TEST(RemoteCalls, AreEndedByInterruptWhileTheyWait) {
  FakeApi api;
  api.will(kPath, {.body = R"({"items":[)", .end = Canned::End::kHold});
  Remote remote(api.access(), kClock);
  auto waiting = std::async(std::launch::async, [&] { return remote.list(kKind, {}); });
  api.await_requests(1);
  remote.interrupt();
  EXPECT_EQ(waiting.get().error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace slipway::remote
