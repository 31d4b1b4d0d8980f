#include "system/kube/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "system/kube/internal/event_stream.h"
#include "system/kube/testing/fake_api.h"

namespace slipway::kube {
namespace {

using testing::Canned;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::status_json;
using Type = WatchEvent::Type;
using End = Canned::End;
using namespace std::chrono_literals;

const Resource kPods{"", "v1", "pods"};
const std::string kPath = "/api/v1/namespaces/a/pods";

std::string event(std::string_view type, std::string_view name, int version) {
  return fmt::format(R"({{"type":"{}","object":{{"metadata":{{"name":"{}","resourceVersion":"{}"}}}}}})",
                     type, name, version) +
         "\n";
}
std::string end_of_list(int version) {
  return fmt::format(R"({{"type":"BOOKMARK","object":{{"kind":"Pod","metadata":{{"resourceVersion":"{}",)"
                     R"("annotations":{{"k8s.io/initial-events-end":"true"}}}}}}}})",
                     version) +
         "\n";
}
std::string error(int code, std::string_view reason) {
  return R"({"type":"ERROR","object":)" + status_json(code, reason, "why") + "}\n";
}

class WatchTest : public ::testing::Test {
 protected:
  void serve(std::string body, End end) { api_.will("GET " + kPath, {.body = std::move(body), .end = end}); }
  Watch watch(WatchQuery::Start start = WatchQuery::Start::kFromVersion) {
    return Watch(api_.access(), {.resource = kPods, .ns = "a", .start = start, .resource_version = "5"},
                 clock_, options_);
  }
  // One event in short, or what next() says instead.
  static std::string shown(Watch& watch) {
    const auto got = watch.next();
    if (!got) return (got.error().expired() ? "expired: " : "error: ") + got.error().error.message;
    constexpr std::array kNames = {"added", "modified", "deleted", "bookmark"};
    return fmt::format("{} {}@{}{}", kNames[static_cast<size_t>(got->type)], got->object.name,
                       got->object.resource_version, got->initial_end ? " end" : "");
  }
  // What each connection asked for, after the constant part.
  std::vector<std::string> versions() const {
    std::vector<std::string> out;
    for (const std::string& target : api_.targets()) {
      const size_t at = target.find("resourceVersion=");
      out.push_back(at == std::string::npos ? "" : target.substr(at + 16, target.find('&', at) - at - 16));
    }
    return out;
  }

  testing::FakeApi api_;
  runtime::RealClock clock_;
  std::vector<Duration> pauses_;
  std::vector<std::string> retries_;
  WatchOptions options_{
      .on_retry = [this](const ApiError& why, Duration) { retries_.push_back(why.error.message); },
      .pause = [this](Duration time) { pauses_.push_back(time); },
  };
};

TEST_F(WatchTest, GivesEventsAsTheyCome) {
  serve(event("ADDED", "x", 6) + event("MODIFIED", "x", 7) + event("DELETED", "x", 8) +
            event("BOOKMARK", "", 20),
        End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_EQ(shown(watch), "modified x@7");
  EXPECT_EQ(shown(watch), "deleted x@8");
  EXPECT_EQ(shown(watch), "bookmark @20");
  EXPECT_EQ(watch.resource_version(), "20");
  EXPECT_THAT(api_.targets(),
              ElementsAre("GET " + kPath +
                          "?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=300"));
}

TEST_F(WatchTest, GoesOnAfterTheLastEventWhenAConnectionIsLost) {
  serve(event("ADDED", "x", 6) + R"({"type":"ADDED","obj)", End::kAbort);
  serve(event("BOOKMARK", "", 30), End::kFinish);
  serve(event("MODIFIED", "x", 31), End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_EQ(shown(watch), "bookmark @30");
  EXPECT_EQ(shown(watch), "modified x@31");
  EXPECT_THAT(versions(), ElementsAre("5", "6", "30"));
  EXPECT_THAT(retries_, SizeIs(1));  // the second stream was completed in order
  EXPECT_THAT(pauses_, SizeIs(1));
}

TEST_F(WatchTest, PausesLongerWithEachFailure) {
  for (int i = 0; i < 4; ++i)
    api_.will("GET " + kPath, {.status = 503, .body = status_json(503, "ServiceUnavailable", "starting")});
  serve(event("ADDED", "x", 6), End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_THAT(versions(), Each("5"));
  ASSERT_THAT(pauses_, SizeIs(4));
  for (size_t i = 0; i < pauses_.size(); ++i) {
    EXPECT_GE(pauses_[i], 100ms * (1 << i));
    EXPECT_LE(pauses_[i], 200ms * (1 << i));
  }
  EXPECT_THAT(retries_, Each("starting"));
}

TEST_F(WatchTest, AsksForANewListWhenItsVersionIsTooOld) {
  serve(event("ADDED", "x", 6) + error(410, "Expired"), End::kFinish);
  api_.will("GET " + kPath, {.status = 410, .body = status_json(410, "Expired", "older still")});
  serve(event("ADDED", "y", 51), End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_EQ(shown(watch), "expired: why");
  EXPECT_EQ(shown(watch), "expired: why");  // until it is told where to go on
  watch.resume_from("40");
  EXPECT_EQ(shown(watch), "expired: older still");
  watch.resume_from("50");
  EXPECT_EQ(shown(watch), "added y@51");
  EXPECT_THAT(versions(), ElementsAre("5", "40", "50"));
}

TEST_F(WatchTest, HandsUpWhatAnotherTryDoesNotMendAndTriesAgainWhenAsked) {
  api_.will("GET " + kPath, {.status = 403, .body = status_json(403, "Forbidden", "may not watch")});
  serve("<html>\n", End::kFinish);
  serve(error(500, "InternalError") + event("ADDED", "lost", 6), End::kFinish);
  serve(event("ADDED", "x", 6), End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "error: may not watch");
  EXPECT_THAT(shown(watch), HasSubstr("error: the watch sent a line that is no event"));
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_THAT(versions(), Each("5"));
  EXPECT_THAT(retries_, ElementsAre("why"));
}

TEST_F(WatchTest, ListsFirstWhenAsked) {
  serve(event("ADDED", "x", 9) + event("ADDED", "y", 3) + end_of_list(12) + event("MODIFIED", "x", 13),
        End::kAbort);
  serve(event("DELETED", "x", 14), End::kHold);
  Watch watch = this->watch(WatchQuery::Start::kListFirst);
  EXPECT_EQ(shown(watch), "added x@9");
  EXPECT_EQ(watch.resource_version(), "");
  EXPECT_EQ(shown(watch), "added y@3");
  EXPECT_EQ(shown(watch), "bookmark @12 end");
  EXPECT_EQ(shown(watch), "modified x@13");
  EXPECT_EQ(shown(watch), "deleted x@14");
  EXPECT_THAT(api_.targets(),
              ElementsAre("GET " + kPath +
                              "?watch=true&allowWatchBookmarks=true&timeoutSeconds=300"
                              "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                          "GET " + kPath +
                              "?watch=true&allowWatchBookmarks=true&resourceVersion=13&timeoutSeconds=300"));
}

TEST_F(WatchTest, StartsItsListAnewWhenItBrokeOff) {
  serve(event("ADDED", "x", 9), End::kAbort);
  serve(event("ADDED", "y", 3) + end_of_list(12) + error(410, "Expired"), End::kFinish);
  serve(event("ADDED", "z", 30) + end_of_list(31), End::kHold);
  Watch watch = this->watch(WatchQuery::Start::kListFirst);
  EXPECT_EQ(shown(watch), "added x@9");
  EXPECT_EQ(shown(watch), "expired: the watch's first list broke off; it starts anew");
  EXPECT_EQ(shown(watch), "added y@3");
  EXPECT_EQ(shown(watch), "bookmark @12 end");
  EXPECT_EQ(shown(watch), "expired: why");
  EXPECT_EQ(shown(watch), "added z@30");
  EXPECT_EQ(shown(watch), "bookmark @31 end");
  EXPECT_THAT(versions(), Each(""));
}

TEST_F(WatchTest, ReadsEventsThatComeInPiecesAndWithoutALastLineEnd) {
  const std::string big(200'000, 'b');
  std::string last = event("ADDED", "y", 7);
  last.pop_back();
  serve("\n" + event("ADDED", big, 6) + "\r\n" + last, End::kFinish);
  Watch watch = this->watch();
  EXPECT_EQ(watch.next()->object.name, big);
  EXPECT_EQ(shown(watch), "added y@7");
}

TEST_F(WatchTest, RefusesAnEventBeyondItsLimit) {
  options_.line_bytes = 100'000;
  serve(event("ADDED", std::string(300'000, 'b'), 6), End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "error: the watch sent an event of more than 100000 bytes");
}

TEST_F(WatchTest, ReplacesAConnectionThatIsSilentForTooLong) {
  options_.silence_ms = 30;
  serve(event("ADDED", "x", 6), End::kHold);
  serve(event("ADDED", "y", 7), End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_EQ(shown(watch), "added y@7");
  EXPECT_THAT(versions(), ElementsAre("5", "6"));
}

TEST_F(WatchTest, StopsWhileItWaitsForAnEvent) {
  serve("", End::kHold);
  Watch watch = this->watch();
  auto waiting = std::async(std::launch::async, [&] { return shown(watch); });
  api_.await_requests(1);
  watch.stop();
  EXPECT_EQ(waiting.get(), "error: the watch was stopped");
  EXPECT_TRUE(watch.stopped());
  EXPECT_EQ(shown(watch), "error: the watch was stopped");
  EXPECT_THAT(retries_, SizeIs(0));
}

TEST_F(WatchTest, GoesOnAndStopsOverTlsToo) {
  testing::FakeApi api(testing::FakeApi::Transport::kTls);
  api.will("GET " + kPath, {.body = event("ADDED", "x", 6), .end = End::kAbort});
  api.will("GET " + kPath, {.body = event("ADDED", "y", 7), .end = End::kHold});
  Watch watch(api.access(), {.resource = kPods, .ns = "a", .resource_version = "5"}, clock_, options_);
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_EQ(shown(watch), "added y@7");
  auto waiting = std::async(std::launch::async, [&] { return shown(watch); });
  watch.stop();
  EXPECT_EQ(waiting.get(), "error: the watch was stopped");
}

TEST_F(WatchTest, StopsWhileItPauses) {
  options_.pause = nullptr;
  options_.retry = {.first = 1h, .longest = 1h};
  std::promise<void> pausing;
  options_.on_retry = [&](const ApiError&, Duration) { pausing.set_value(); };
  api_.will("GET " + kPath, {.status = 503, .body = status_json(503, "ServiceUnavailable", "starting")});
  Watch watch = this->watch();
  auto waiting = std::async(std::launch::async, [&] { return shown(watch); });
  pausing.get_future().wait();
  watch.stop();
  EXPECT_EQ(waiting.get(), "error: the watch was stopped");
}

TEST(WatchEvents, AreHeldToTheirForm) {
  const auto message = [](std::string_view line) {
    const auto read = internal::read_event(line);
    return read ? "read" : read.error().error.message;
  };
  EXPECT_EQ(message(R"({"type":"ADDED","object":{}})"), "read");
  EXPECT_EQ(message(R"({"object":{"a":1},"type":"DELETED","more":[]})"), "read");
  EXPECT_EQ(message(R"({"type":"SWAPPED","object":{}})"), "the watch sent an event of type 'SWAPPED'");
  EXPECT_THAT(message(R"({"type":"ADDED"})"), HasSubstr("the object is not what an API server sends"));
  EXPECT_THAT(message(R"({"type":"ADDED","object":{}} x)"), HasSubstr("no event"));
  EXPECT_EQ(message(R"({"type":"ERROR","object":{}})"), "the server sent an error that is no Status");
}

}  // namespace
}  // namespace slipway::kube
