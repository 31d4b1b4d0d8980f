#include "system/kube/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "system/kube/internal/lease_json.h"
#include "system/kube/testing/fake_api.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::kube {
namespace {

using internal::LeaseRecord;
using ::testing::AllOf;
using testing::Canned;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using testing::status_json;
using End = Canned::End;
using namespace std::chrono_literals;

const std::string kPath = "/apis/coordination.k8s.io/v1/namespaces/a/leases";
const std::string kTime = "2026-01-31T23:59:59.123456Z";

std::string lease_json(const std::string& holder, int version, int seconds = 15) {
  return fmt::format(
      R"({{"kind":"Lease","metadata":{{"name":"x","namespace":"a","uid":"u","resourceVersion":"{}","labels":{{"l":"1"}},)"
      R"("managedFields":[{{"manager":"m"}}]}},"spec":{{"holderIdentity":"{}","leaseDurationSeconds":{},)"
      R"("acquireTime":"{}","renewTime":"{}","leaseTransitions":3,"strategy":"s"}}}})",
      version, holder, seconds, kTime, kTime);
}
std::string modified(const std::string& lease) { return R"({"type":"MODIFIED","object":)" + lease + "}\n"; }
std::string list_json(const std::string& item) {
  return fmt::format(R"({{"kind":"LeaseList","metadata":{{"resourceVersion":"5"}},"items":[{}]}})", item);
}

TEST(LeaseJson, TimesHaveSixDigitsOfASecond) {
  EXPECT_EQ(internal::micro_time(WallTime{1769903999123456789ns}), "2026-01-31T23:59:59.123456Z");
  EXPECT_EQ(internal::micro_time(WallTime{}), "1970-01-01T00:00:00.000000Z");
}

TEST(LeaseJson, IsReadWhateverIsAbsentOrMakesNoSense) {
  EXPECT_EQ(*internal::read_lease(lease_json("b", 7)), (LeaseRecord{"b", 15, kTime, kTime, 3}));
  EXPECT_EQ(*internal::read_lease("{}"), LeaseRecord{});
  EXPECT_EQ(*internal::read_lease(R"({"spec":null})"), LeaseRecord{});
  EXPECT_EQ(*internal::read_lease(R"({"spec":{"holderIdentity":null,"leaseDurationSeconds":-1,)"
                                  R"("leaseTransitions":1e99,"renewTime":7}})"),
            LeaseRecord{});
  EXPECT_EQ(
      internal::read_lease(R"({"spec":{"leaseDurationSeconds":99999999999999999999}})")->duration_seconds, 0);
  EXPECT_EQ(internal::read_lease("[]").error().code, Code::kInvalid);
  EXPECT_EQ(internal::read_lease("{").error().code, Code::kInvalid);
}

TEST(LeaseJson, KeepsWhatOthersWroteButNotWhoWroteIt) {
  const std::string text = internal::write_lease(lease_json("b", 7), {"a", 15, kTime, kTime, 4});
  EXPECT_THAT(text,
              AllOf(HasSubstr(R"("resourceVersion":"7")"), HasSubstr(R"("uid":"u")"), HasSubstr(R"("l":"1")"),
                    HasSubstr(R"("strategy":"s")"), Not(HasSubstr("managedFields"))));
  EXPECT_EQ(*internal::read_lease(text), (LeaseRecord{"a", 15, kTime, kTime, 4}));
}

TEST(LeaseIdentity, IsAnotherEachTime) { EXPECT_NE(make_identity(), make_identity()); }

class LeaseTest : public ::testing::Test {
 protected:
  LeaseTest() { options_.election.renew_every = 10ms; }

  Lease& lease() {
    if (!lease_) {
      lease_ = std::make_unique<Lease>(api_.access(), options_, clock(), metrics_);
      lease_->on_lost([this](const std::string& why) { lost_.set_value(why); });
    }
    return *lease_;
  }
  virtual const runtime::Clock& clock() { return boot_; }
  // The answers to the list that a candidate begins with, and to its watch.
  void shows(const std::string& items, const std::string& events = "") {
    api_.will("GET " + kPath, {.body = list_json(items)});
    api_.will("GET " + kPath, {.body = events, .end = End::kHold});
  }
  // It is not there to be taken before the watch runs: what is asked for later has the next answer.
  void is_free() { shows(lease_json("other", 4, 3600), modified(lease_json("", 5))); }
  void takes(int version) {
    api_.will("PUT " + kPath + "/x", {.body = lease_json(options_.identity, version)});
  }
  void refuses(int status, std::string_view reason) {
    api_.will("PUT " + kPath + "/x", {.status = status, .body = status_json(status, reason, "no")});
  }
  // What was written, in order.
  std::vector<testing::Recorded> writes() const {
    std::vector<testing::Recorded> out;
    for (auto& request : api_.requests())
      if (request.method != "GET") out.push_back(request);
    return out;
  }
  void await_writes(size_t count) {
    while (writes().size() < count) api_.await_requests(api_.requests().size() + 1);
  }
  static std::string version_of(const testing::Recorded& write) {
    return read_object(write.body)->resource_version;
  }
  static LeaseRecord record_of(const testing::Recorded& write) { return *internal::read_lease(write.body); }
  std::string why_lost() { return lost_.get_future().get(); }
  std::string metrics() const { return metrics_.expose(telemetry::Form::kPrometheus); }

  testing::FakeApi api_;
  runtime::BootClock boot_;
  telemetry::Registry metrics_;
  LeaseOptions options_{.ns = "a", .name = "x", .identity = "me"};
  std::promise<std::string> lost_;
  std::unique_ptr<Lease> lease_;
};

TEST_F(LeaseTest, MakesALeaseThatIsNotThere) {
  options_.election.renew_every = 1h;
  options_.election.renew_deadline = 2h;
  shows("");
  api_.will("POST " + kPath, {.status = 201, .body = lease_json("me", 6)});
  EXPECT_FALSE(lease().held());
  ASSERT_TRUE(lease().acquire());
  EXPECT_TRUE(lease().held());
  EXPECT_EQ(lease().holder(), "me");
  const LeaseRecord made = record_of(writes().at(0));
  EXPECT_EQ(made.holder, "me");
  EXPECT_EQ(made.duration_seconds, 15);
  EXPECT_EQ(made.transitions, 0);
  EXPECT_EQ(made.acquired, made.renewed);
  EXPECT_THAT(made.renewed, MatchesRegex("....-..-..T..:..:..[.]......Z"));
  EXPECT_THAT(metrics(), HasSubstr(R"(slipway_lease_leader{lease="x"} 1)"));
  EXPECT_THAT(metrics(), HasSubstr(R"(slipway_lease_transitions_total{lease="x",to="held"} 1)"));
  EXPECT_EQ(lease().acquire().error().code, Code::kConflict);
}

TEST_F(LeaseTest, RenewsWithOnePutThatIsBasedOnTheOneBefore) {
  is_free();
  for (int version = 6; version < 10; ++version) takes(version);
  ASSERT_TRUE(lease().acquire());
  const size_t asked = api_.requests().size();
  await_writes(4);
  const auto written = writes();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(version_of(written[i]), std::to_string(5 + i));
  EXPECT_EQ(record_of(written[0]).transitions, 4);  // from nobody's to ours
  EXPECT_EQ(record_of(written[1]).transitions, 3);  // as the server said
  EXPECT_EQ(record_of(written[1]).acquired, kTime);
  EXPECT_GT(record_of(written[2]).renewed, record_of(written[1]).renewed);
  for (size_t i = asked; i < asked + 3 && i < api_.requests().size(); ++i)
    EXPECT_EQ(api_.requests()[i].method, "PUT");
}

TEST_F(LeaseTest, WaitsForAHolderAndTakesOverAtOnceWhenItIsReleased) {
  shows(lease_json("other", 5, 3600),
        modified(lease_json("other", 6, 3600)) + modified(lease_json("", 7, 1)));
  takes(8);
  ASSERT_TRUE(lease().acquire());
  EXPECT_EQ(version_of(writes().at(0)), "7");
  EXPECT_THAT(api_.targets().at(1), AllOf(HasSubstr("watch=true"), HasSubstr("resourceVersion=5"),
                                          HasSubstr("fieldSelector=metadata.name%3Dx")));
}

TEST_F(LeaseTest, TakesOverWhatItSeesUnchangedForAsLongAsItsHolderClaims) {
  // Its labels change all the time, and that says nothing of its holder.
  std::string labels = lease_json("dead", 6, 1);
  labels.replace(labels.find(R"("l":"1")"), 7, R"("l":"2")");
  shows(lease_json("dead", 5, 1), modified(labels));
  takes(7);
  const auto began = boot_.now();
  ASSERT_TRUE(lease().acquire());
  EXPECT_GE(boot_.now() - began, 1s);
  EXPECT_EQ(version_of(writes().at(0)), "6");
}

TEST_F(LeaseTest, LooksAgainWhenAnotherWasFaster) {
  is_free();
  refuses(409, "Conflict");
  api_.will("GET " + kPath, {.body = list_json(lease_json("", 6, 1))});
  takes(7);
  ASSERT_TRUE(lease().acquire());
  EXPECT_EQ(version_of(writes().at(1)), "6");
}

TEST_F(LeaseTest, IsToldOfNoLeaseThatItWaitsForWhenItIsInterrupted) {
  shows(lease_json("other", 5));
  auto acquired = std::async(std::launch::async, [this] { return lease().acquire(); });
  api_.await_requests(2);
  lease().interrupt();
  EXPECT_EQ(acquired.get().error().code, Code::kUnavailable);
  EXPECT_FALSE(lease().held());
  EXPECT_TRUE(lease().release());
  EXPECT_TRUE(writes().empty());
}

TEST_F(LeaseTest, IsLostWhenAnotherHoldsIt) {
  is_free();
  takes(6);
  refuses(409, "Conflict");
  api_.will("GET " + kPath, {.body = list_json(lease_json("other", 7))});
  ASSERT_TRUE(lease().acquire());
  EXPECT_THAT(why_lost(), HasSubstr("other holds it now"));
  EXPECT_FALSE(lease().held());
  EXPECT_TRUE(lease().release());  // there is nothing to give back
  EXPECT_EQ(writes().size(), 2u);
  EXPECT_THAT(metrics(), HasSubstr(R"(slipway_lease_leader{lease="x"} 0)"));
  EXPECT_THAT(metrics(), HasSubstr(R"(slipway_lease_transitions_total{lease="x",to="lost"} 1)"));
}

TEST_F(LeaseTest, IsLostWhenSomebodyRemovesIt) {
  is_free();
  takes(6);
  refuses(404, "NotFound");
  api_.will("GET " + kPath, {.body = list_json("")});
  ASSERT_TRUE(lease().acquire());
  EXPECT_THAT(why_lost(), HasSubstr("somebody removed it"));
}

TEST_F(LeaseTest, GoesOnWhenItsRenewalCameThroughButTheAnswerDidNot) {
  options_.election.retry = 1ms;
  is_free();
  takes(6);
  api_.will("PUT " + kPath + "/x", {.body = "{", .end = End::kAbort});
  refuses(409, "Conflict");
  api_.will("GET " + kPath, {.body = list_json(lease_json("me", 7))});
  takes(8);
  ASSERT_TRUE(lease().acquire());
  await_writes(4);
  EXPECT_EQ(version_of(writes().at(3)), "7");
  EXPECT_TRUE(lease().held());
}

TEST_F(LeaseTest, IsLostAtTheDeadlineThoughARenewalHangs) {
  options_.election.renew_deadline = 200ms;
  options_.timeout_ms = 600'000;
  is_free();
  takes(6);
  api_.will("PUT " + kPath + "/x", {.body = "{", .end = End::kHold});
  ASSERT_TRUE(lease().acquire());
  EXPECT_THAT(why_lost(), HasSubstr("it could not be renewed in time"));
  EXPECT_FALSE(lease().held());
  lease_.reset();  // its threads end
}

TEST_F(LeaseTest, SaysWhatWentWrongWhenItIsLostForIt) {
  options_.election.renew_deadline = 100ms;
  options_.election.retry = 1ms;
  is_free();
  takes(6);
  for (int i = 0; i < 200; ++i) refuses(500, "InternalError");
  ASSERT_TRUE(lease().acquire());
  EXPECT_THAT(why_lost(), AllOf(HasSubstr("renewed"), HasSubstr(": no")));
}

TEST_F(LeaseTest, IsGivenBackForTheNextToTakeAtOnce) {
  options_.election.renew_every = 1h;
  options_.election.renew_deadline = 2h;
  is_free();
  takes(6);
  takes(7);
  ASSERT_TRUE(lease().acquire());
  lease().interrupt();  // the process ends; its work goes on for a moment
  EXPECT_TRUE(lease().held());
  ASSERT_TRUE(lease().release());
  EXPECT_FALSE(lease().held());
  const auto last = writes().back();
  EXPECT_EQ(version_of(last), "6");
  EXPECT_EQ(record_of(last).holder, "");
  EXPECT_EQ(record_of(last).duration_seconds, 1);
  EXPECT_EQ(record_of(last).transitions, 3);
  EXPECT_THAT(metrics(), HasSubstr(R"(slipway_lease_transitions_total{lease="x",to="released"} 1)"));
}

TEST_F(LeaseTest, IsGivenBackAfterARenewalThatWasCutShortAndCameThrough) {
  options_.election.renew_every = 1h;
  options_.election.renew_deadline = 2h;
  is_free();
  takes(6);
  refuses(409, "Conflict");
  api_.will("GET " + kPath, {.body = list_json(lease_json("me", 7))});
  takes(8);
  ASSERT_TRUE(lease().acquire());
  ASSERT_TRUE(lease().release());
  EXPECT_EQ(version_of(writes().back()), "7");
  EXPECT_EQ(record_of(writes().back()).holder, "");
}

TEST_F(LeaseTest, IsNotTakenFromAnotherByGivingItBack) {
  options_.election.renew_every = 1h;
  options_.election.renew_deadline = 2h;
  is_free();
  takes(6);
  refuses(409, "Conflict");
  api_.will("GET " + kPath, {.body = list_json(lease_json("other", 7))});
  ASSERT_TRUE(lease().acquire());
  EXPECT_TRUE(lease().release());
  EXPECT_EQ(writes().size(), 2u);
}

class SleepingLeaseTest : public LeaseTest {
 protected:
  const runtime::Clock& clock() override { return manual_; }
  runtime::testing::ManualClock manual_;
};

TEST_F(SleepingLeaseTest, IsNotHeldAnyMoreAtTheFirstLookAfterALongSleep) {
  options_.election.renew_every = 5s;
  is_free();
  takes(6);
  ASSERT_TRUE(lease().acquire());
  manual_.advance(9999ms);
  EXPECT_TRUE(lease().held());
  manual_.advance(1ms);
  EXPECT_FALSE(lease().held());
  EXPECT_THAT(why_lost(), HasSubstr("renewed"));
}

TEST_F(SleepingLeaseTest, WritesNothingAfterALongSleep) {
  options_.election.renew_every = 5s;
  is_free();
  takes(6);
  ASSERT_TRUE(lease().acquire());
  manual_.advance(16s);
  why_lost();
  EXPECT_TRUE(lease().release());
  EXPECT_EQ(writes().size(), 1u);
}

}  // namespace
}  // namespace slipway::kube
