#include "system/kube/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <regex>
#include <sstream>

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
  // What was asked for, without how long a stream may last, which is at random.
  std::vector<std::string> targets() const {
    std::vector<std::string> out;
    for (const std::string& target : api_.targets())
      out.push_back(
          std::regex_replace(target, std::regex("timeoutSeconds=[3-6][0-9][0-9]"), "timeoutSeconds=T"));
    return out;
  }
  // Of what had to be done again.
  std::vector<std::string> metrics() const {
    std::vector<std::string> out;
    std::istringstream lines(registry_.expose(telemetry::Form::kPrometheus));
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("slipway_kube_watch_restarts_") || line.starts_with("slipway_kube_relists_"))
        out.push_back(line);
    return out;
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
  telemetry::Registry registry_;
  ApiMetrics metrics_{registry_};
  std::vector<Duration> pauses_;
  std::vector<std::string> retries_;
  WatchOptions options_{
      .on_retry = [this](const ApiError& why, Duration) { retries_.push_back(why.error.message); },
      .pause = [this](Duration time) { pauses_.push_back(time); },
      .metrics = &metrics_,
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
  EXPECT_THAT(targets(),
              ElementsAre("GET " + kPath +
                          "?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=T"));
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
    EXPECT_GT(pauses_[i], 0ms);
    EXPECT_LE(pauses_[i], 800ms * (1 << i));
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
  EXPECT_THAT(targets(),
              ElementsAre("GET " + kPath +
                              "?watch=true&allowWatchBookmarks=true&timeoutSeconds=T"
                              "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                          "GET " + kPath +
                              "?watch=true&allowWatchBookmarks=true&resourceVersion=13&timeoutSeconds=T"));
}

const std::string kNoStreamedLists =
    R"(ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled)";

TEST_F(WatchTest, AsksForAListWhereAStreamDoesNotBeginWithOne) {
  api_.will("GET " + kPath, {.status = 422, .body = status_json(422, "Invalid", kNoStreamedLists)});
  api_.will("GET " + kPath, {.body = R"({"metadata":{"resourceVersion":"9","continue":"more"},"items":[)"
                                     R"({"metadata":{"name":"x","resourceVersion":"3"}}]})"});
  api_.will("GET " + kPath, {.body = R"({"metadata":{"resourceVersion":"9"},"items":[)"
                                     R"({"metadata":{"name":"y","resourceVersion":"7"}}]})"});
  serve(event("MODIFIED", "x", 10) + error(410, "Expired"), End::kFinish);
  api_.will("GET " + kPath, {.status = 410, .body = status_json(410, "Expired", "the place is too old")});
  api_.will("GET " + kPath, {.body = R"({"metadata":{"resourceVersion":"20"},"items":[]})"});
  serve(event("ADDED", "z", 21), End::kHold);
  Watch watch = this->watch(WatchQuery::Start::kListFirst);
  EXPECT_EQ(shown(watch), "added x@3");
  EXPECT_EQ(watch.resource_version(), "");
  EXPECT_EQ(shown(watch), "added y@7");
  EXPECT_EQ(shown(watch), "bookmark @9 end");
  EXPECT_EQ(shown(watch), "modified x@10");
  EXPECT_EQ(shown(watch), "expired: why");
  EXPECT_EQ(shown(watch), "expired: the place is too old");
  EXPECT_EQ(shown(watch), "bookmark @20 end");
  EXPECT_EQ(shown(watch), "added z@21");
  const std::string all = "GET " + kPath + "?limit=500",
                    from = "GET " + kPath + "?watch=true&allowWatchBookmarks=true&resourceVersion=";
  EXPECT_THAT(targets(), ElementsAre(HasSubstr("sendInitialEvents"), all, all + "&continue=more",
                                     from + "9&timeoutSeconds=T", all, all, from + "20&timeoutSeconds=T"))
      << "and it does not ask for such a stream again";
}

TEST_F(WatchTest, AListThatIsRefusedTooIsHandedUp) {
  for (int i = 0; i < 2; ++i)
    api_.will("GET " + kPath, {.status = 400, .body = status_json(400, "BadRequest", "no such selector")});
  Watch watch = this->watch(WatchQuery::Start::kListFirst);
  EXPECT_EQ(shown(watch), "error: no such selector");
}

// The server was away for long, and has forgotten meanwhile: many would come with their lists at once.
TEST_F(WatchTest, ListsOnceAfterAnOutage) {
  const Canned starting{.status = 503, .body = status_json(503, "ServiceUnavailable", "starting")};
  serve(event("ADDED", "x", 6) + end_of_list(7), End::kAbort);
  for (int i = 0; i < 5; ++i) api_.will("GET " + kPath, starting);
  serve(error(410, "Expired"), End::kFinish);
  for (int i = 0; i < 3; ++i) api_.will("GET " + kPath, starting);
  serve(event("ADDED", "x", 6) + end_of_list(90), End::kAbort);
  serve(event("ADDED", "y", 91), End::kHold);
  Watch watch = this->watch(WatchQuery::Start::kListFirst);
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_EQ(shown(watch), "bookmark @7 end");
  EXPECT_EQ(shown(watch), "expired: why");
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_EQ(shown(watch), "bookmark @90 end");
  EXPECT_EQ(shown(watch), "added y@91");
  EXPECT_THAT(versions(), ElementsAre("", "7", "7", "7", "7", "7", "7", "", "", "", "", "90"));
  EXPECT_THAT(retries_, SizeIs(10));
  EXPECT_THAT(metrics(), ElementsAre("slipway_kube_watch_restarts_total{resource=\"pods\"} 2",
                                     "slipway_kube_relists_total{resource=\"pods\"} 1"));
}

TEST_F(WatchTest, ComesNoSoonerAsAnotherWatchOfTheSameRow) {
  options_.row = std::make_shared<RetryRow>();
  for (int i = 0; i < 20; ++i) serve(error(410, "Expired"), End::kFinish);
  for (int i = 0; i < 20; ++i) {
    Watch watch = this->watch();
    EXPECT_EQ(shown(watch), "expired: why");
  }
  EXPECT_EQ(options_.row->failures(), 20);
  EXPECT_GT(*std::ranges::max_element(pauses_), 2s) << "of up to 30 s, in a storm of them";
}

TEST_F(WatchTest, WaitsForAVersionThatTheServerHasYetToReach) {
  const std::string late =
      R"({"kind":"Status","status":"Failure","code":504,"reason":"Timeout","message":"Too large resource version: 5, current: 4",)"
      R"("details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1}})";
  api_.will("GET " + kPath, {.status = 504, .body = late});
  serve(R"({"type":"ERROR","object":)" + late + "}\n", End::kFinish);
  serve(event("ADDED", "x", 6), End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_THAT(versions(), Each("5"));
  ASSERT_THAT(pauses_, SizeIs(2));
  EXPECT_THAT(pauses_, Each(::testing::AllOf(::testing::Gt(900ms), ::testing::Lt(1800ms))));
}

TEST_F(WatchTest, AServerThatGoesBackInTimeDoesNotTakeItAlong) {
  serve(event("ADDED", "x", 100) + event("MODIFIED", "y", 99) + event("BOOKMARK", "", 98), End::kAbort);
  serve(event("ADDED", "z", 101), End::kHold);
  Watch watch = this->watch();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(watch.next());
  EXPECT_EQ(watch.resource_version(), "100");
  EXPECT_EQ(shown(watch), "added z@101");
  EXPECT_THAT(versions(), ElementsAre("5", "100"));
}

TEST_F(WatchTest, TellsThatAStreamHasBegunBeforeAnythingHappens) {
  int opened = 0;
  options_.on_open = [&] { ++opened; };
  api_.will("GET " + kPath, {.status = 503, .body = status_json(503, "ServiceUnavailable", "starting")});
  serve("", End::kFinish);
  serve(event("ADDED", "x", 6), End::kHold);
  Watch watch = this->watch();
  EXPECT_EQ(shown(watch), "added x@6");
  EXPECT_EQ(opened, 2);
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
