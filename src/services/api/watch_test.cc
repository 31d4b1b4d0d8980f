// Watches over HTTP: what a client sees line by line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include <nlohmann/json.hpp>

#include "ports/store/testing/store_contract.h"
#include "services/api/testing/served_store.h"
#include "system/http/client.h"
#include "system/http/testing/raw_client.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::api {
namespace {

using namespace std::chrono_literals;
using json::Document;
using store::deployment;
using ::testing::HasSubstr;

const std::string kAll = "/apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments";
const std::string kFromWhatIsThere =
    "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
const store::Cause kCause{.actor = {"tester"}, .reason = "Test", .request_id = ""};

// One watch of a client.
class Stream {
 public:
  Stream(const http::Address& address, const std::string& target,
         const std::string& accept = "application/json")
      : client_(*http::parse_url("http://" + address.str()), {.timeout_ms = 5000}) {
    const auto head =
        client_.begin({.target = target,
                       .headers = {{"authorization", "Bearer " + testing::kToken}, {"accept", accept}},
                       .body = ""});
    EXPECT_TRUE(head) << head.error().message;
    if (head) status_ = head->status;
  }
  int status() const { return status_; }

  // The next event; null at the end.
  Document next() {
    while (held_.find('\n') == std::string::npos) {
      std::array<char, 4096> piece;
      const auto got = client_.read(piece);
      EXPECT_TRUE(got) << got.error().message;
      if (!got || *got == 0) return {};
      held_.append(piece.data(), *got);
    }
    const size_t end = held_.find('\n');
    auto event = json::parse_document(held_.substr(0, end));
    EXPECT_TRUE(event) << held_;
    held_.erase(0, end + 1);
    return event ? std::move(*event) : Document();
  }
  // "ADDED a"
  std::string shown() {
    const Document event = next();
    if (event.is_null()) return "end";
    return json::text_of(event, "type") + " " +
           json::text_of(json::member(event["object"], "metadata"), "name");
  }

 private:
  http::Client client_;
  int status_ = 0;
  std::string held_;
};

class WatchTest : public ::testing::Test {
 protected:
  explicit WatchTest(size_t history = 4096, Options options = {.version = "0.0.0"})
      : served_({.history = history, .clock = &clock_, .api = std::move(options)}) {}

  Stream watch(const std::string& query = "", const std::string& accept = "application/json") {
    return Stream(served_.address(), kAll + "?watch=true" + query, accept);
  }
  uint64_t make(const std::string& name, const domain::Labels& labels = {}) {
    store::Object object = deployment(name);
    object.meta.labels = labels;
    const auto made = served_.store().create(object, kCause);
    EXPECT_TRUE(made);
    return made ? (*made)->meta.resource_version : 0;
  }
  void label(const std::string& name, const domain::Labels& labels) {
    store::Object object = deployment(name);
    object.meta.labels = labels;
    ASSERT_TRUE(served_.store().update(object, {}, kCause));
  }
  void remove(const std::string& name) {
    ASSERT_TRUE(served_.store().remove(deployment(name).key, {}, kCause));
  }
  void pass(Duration time) {
    clock_.advance(time);
    served_.api().step(clock_.now());
  }

  runtime::testing::ManualClock clock_;
  testing::ServedStore served_;
};

TEST_F(WatchTest, BeginsWithWhatIsThereAndMarksItsEnd) {
  make("b");
  const uint64_t last = make("a");
  Stream stream = watch(kFromWhatIsThere);
  EXPECT_EQ(stream.shown(), "ADDED a");
  EXPECT_EQ(stream.shown(), "ADDED b");
  const Document mark = stream.next();
  EXPECT_EQ(mark["type"], "BOOKMARK");
  EXPECT_EQ(mark["object"]["metadata"]["resourceVersion"], fmt::format("{}", last));
  EXPECT_EQ(mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
  make("c");
  EXPECT_EQ(stream.shown(), "ADDED c");
}

TEST_F(WatchTest, WithoutBookmarksTheEndIsNotMarked) {
  make("a");
  Stream stream = watch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(stream.shown(), "ADDED a");
  make("b");
  EXPECT_EQ(stream.shown(), "ADDED b");
}

TEST_F(WatchTest, GoesOnBehindAVersion) {
  const uint64_t first = make("a");
  make("b");
  label("a", {{"x", "y"}});
  remove("b");
  Stream stream = watch(fmt::format("&resourceVersion={}", first));
  EXPECT_EQ(stream.shown(), "ADDED b");
  EXPECT_EQ(stream.shown(), "MODIFIED a");
  EXPECT_EQ(stream.shown(), "DELETED b");
}

TEST_F(WatchTest, ASelectorTurnsChangesIntoComingAndGoing) {
  const uint64_t start = make("a");
  Stream stream = watch(fmt::format("&resourceVersion={}&labelSelector=tier%3Dgold", start));
  label("a", {{"tier", "gold"}});
  EXPECT_EQ(stream.shown(), "ADDED a");
  label("a", {{"tier", "gold"}, {"x", "y"}});
  EXPECT_EQ(stream.shown(), "MODIFIED a");
  label("a", {{"tier", "iron"}});
  EXPECT_EQ(stream.shown(), "DELETED a");
  label("a", {});
  make("b", {{"tier", "gold"}});
  EXPECT_EQ(stream.shown(), "ADDED b");
  remove("a");
  remove("b");
  EXPECT_EQ(stream.shown(), "DELETED b");
}

TEST_F(WatchTest, WhatLeavesASelectionIsShownAsItWasInIt) {
  const uint64_t start = make("a", {{"tier", "gold"}});
  Stream stream = watch(fmt::format("&resourceVersion={}&labelSelector=tier%3Dgold", start));
  label("a", {{"tier", "iron"}});
  const Document event = stream.next();
  EXPECT_EQ(event["type"], "DELETED");
  EXPECT_EQ(event["object"]["metadata"]["labels"]["tier"], "gold");
  EXPECT_EQ(event["object"]["metadata"]["resourceVersion"], fmt::format("{}", start + 1));
}

TEST_F(WatchTest, AFieldSelectorFollowsOneObject) {
  make("a");
  Stream stream = watch("&fieldSelector=metadata.name%3Db");
  make("b");
  EXPECT_EQ(stream.shown(), "ADDED b");
}

TEST_F(WatchTest, EndsWhenItsTimeIsUp) {
  Stream stream = watch("&timeoutSeconds=10");
  make("a");
  EXPECT_EQ(stream.shown(), "ADDED a");
  pass(9s);
  make("b");
  EXPECT_EQ(stream.shown(), "ADDED b");
  pass(2s);
  EXPECT_EQ(stream.shown(), "end");
  EXPECT_EQ(served_.api().open_watches(), 0u);
}

TEST_F(WatchTest, BookmarksTellOfOtherKindsChanges) {
  Stream stream = watch("&allowWatchBookmarks=true");
  make("a");
  EXPECT_EQ(stream.shown(), "ADDED a");
  const store::Object event{.key = {store::Kind::kEvent, "default", "e"},
                            .meta = {},
                            .content = R"({"involvedObject":{},"reason":"x"})"};
  const auto other = served_.store().create(event, kCause);
  ASSERT_TRUE(other);
  // A bookmark is sent when the watch has nothing else to say, which may be a moment later.
  Document bookmark;
  pass(2min);
  bookmark = stream.next();
  EXPECT_EQ(bookmark["type"], "BOOKMARK");
  EXPECT_EQ(bookmark["object"]["metadata"]["resourceVersion"],
            fmt::format("{}", (*other)->meta.resource_version));
}

TEST_F(WatchTest, SendsColumnsWithTheFirstRowAlone) {
  make("a");
  make("b");
  Stream stream = watch(kFromWhatIsThere, "application/json;as=Table;v=v1;g=meta.k8s.io");
  const Document first = stream.next(), second = stream.next();
  EXPECT_EQ(first["object"]["kind"], "Table");
  EXPECT_TRUE(first["object"]["columnDefinitions"].is_array());
  EXPECT_EQ(first["object"]["rows"][0]["cells"][0], "a");
  EXPECT_TRUE(second["object"]["columnDefinitions"].is_null());
}

TEST_F(WatchTest, ARowShowsTheAgeOfNow) {
  make("a");
  make("b");
  const std::string table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const auto second_row = [&] {
    Stream stream = watch(kFromWhatIsThere, table);
    stream.next();
    return json::canonical(stream.next()["object"]["rows"][0]["cells"]);
  };
  const std::string young = second_row();
  clock_.advance(2h);
  EXPECT_NE(second_row(), young);
}

class ShortHistory : public WatchTest {
 protected:
  ShortHistory() : WatchTest(16, {.version = "0.0.0", .watches = 2}) {}
};

TEST_F(ShortHistory, WhatIsNoLongerKeptIsExpired) {
  const uint64_t first = make("a");
  for (int i = 0; i < 40; ++i) label("a", {{"n", fmt::format("{}", i)}});
  Stream stream = watch(fmt::format("&resourceVersion={}", first));
  EXPECT_EQ(stream.status(), 200);
  const Document event = stream.next();
  EXPECT_EQ(event["type"], "ERROR");
  EXPECT_EQ(event["object"]["code"], 410);
  EXPECT_EQ(event["object"]["reason"], "Expired");
  EXPECT_TRUE(stream.next().is_null());
}

TEST_F(ShortHistory, TooManyWatchesAreRefused) {
  Stream one = watch(), two = watch(), three = watch();
  EXPECT_EQ(one.status(), 200);
  EXPECT_EQ(two.status(), 200);
  EXPECT_EQ(three.status(), 429);
}

TEST_F(WatchTest, EndsWhenTheServerStops) {
  Stream stream = watch();
  served_.api().stop();
  EXPECT_EQ(stream.shown(), "end");
}

// Writers, clients that come and go, one that reads nothing, and the end in the middle.
TEST_F(WatchTest, TheEndMayComeWhileOthersWriteAndWatch) {
  http::testing::RawClient stalled(served_.address());
  stalled.send("GET " + kAll + "?watch=true HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + testing::kToken +
               "\r\n\r\n");
  while (served_.api().open_watches() == 0) std::this_thread::yield();
  std::atomic<bool> enough{false};
  std::vector<std::jthread> threads;
  for (int w = 0; w < 2; ++w)
    threads.emplace_back([&, w] {
      const domain::Labels large{{"pad", std::string(60, 'x')}};
      for (int i = 0; !enough; ++i) {
        store::Object object = deployment(fmt::format("d{}-{}", w, i % 20), i);
        object.meta.labels = large;
        if (!served_.store().create(object, kCause))
          static_cast<void>(served_.store().update(object, {}, kCause));
      }
    });
  for (int w = 0; w < 3; ++w)
    threads.emplace_back([&] {
      while (!enough) {
        Stream stream = watch(kFromWhatIsThere);
        for (int i = 0; i < 30 && !enough; ++i)
          if (stream.next().is_null()) break;
      }
    });
  for (int i = 0; i < 300; ++i) {
    served_.api().step(clock_.now());
    std::this_thread::sleep_for(1ms);
  }
  served_.api().stop();
  enough = true;
  threads.clear();
}

TEST_F(WatchTest, IsForgottenWhenTheClientGoes) {
  {
    Stream stream = watch();
  }
  make("a");  // a write finds out at the latest
  while (served_.api().open_watches() != 0) std::this_thread::yield();
}

}  // namespace
}  // namespace slipway::api
