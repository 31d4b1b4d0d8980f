#include "services/gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "services/gateway/testing/world.h"
#include "values/domain/observed.h"

namespace slipway::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using testing::deployment;
using testing::GatewayTest;
using ::testing::HasSubstr;
using testing::slice;
using testing::stored;

class Requests : public GatewayTest {
 protected:
  // Two revisions with a replica each, at these weights.
  void start_two(int first, int second) {
    replica("a-0");
    replica("b-0");
    store_.put(stored(deployment("credit", {{"a", 1, first}, {"b", 2, second}})));
    store_.put(slice("a", 1));
    store_.put(slice("b", 1));
    start();
  }
  http::Response addressed(const std::string& revision) const {
    return ask({.target = "/v2/models/credit", .headers = {{"slipway-revision", revision}}});
  }
};

TEST_F(Requests, GoOnUnderTheDeploymentsNameAsTheyCame) {
  replica("a-0", [](http::Exchange& exchange) {
    exchange.read_all(1 << 20, [](http::Exchange& to, Result<std::string_view> body) {
      const base::RequestHead& head = to.head();
      const base::Header who[] = {{"slipway-revision", "a; digest=sha256:1"}, {"x-own", "1"}};
      to.respond({.status = 202,
                  .content_type = "text/plain",
                  .headers = who,
                  .body = fmt::format("{} {} id={} own={} connection={} body={}", head.host, head.target,
                                      head.find("x-request-id"), head.find("x-own"), head.find("connection"),
                                      *body)});
    });
  });
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  start();
  const auto answer =
      ask({.method = base::Method::kPost,
           .target = "/v2/models/credit/infer?trace=1",
           .headers = {{"x-request-id", "mine-1"}, {"x-own", "o"}, {"connection", "keep-alive"}},
           .body = "{\"a\":1}"});
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body,
            fmt::format("{} /v2/models/credit/infer?trace=1 id=mine-1 own=o connection= body={{\"a\":1}}",
                        gateway_->address().str()));
  EXPECT_EQ(answer.find("slipway-revision"), "a; digest=sha256:1");
  EXPECT_EQ(answer.find("content-type"), "text/plain");
  EXPECT_EQ(answer.find("x-request-id"), "mine-1");
  EXPECT_EQ(answer.find("x-own"), "1");
}

TEST_F(Requests, EveryPathOfTheServerWorks) {
  start_two(100, 0);
  for (const std::string path : {"/v2/models/credit", "/v2/models/credit/ready",
                                 "/v2/models/credit/versions/1", "/v2/models/credit/versions/1/ready"})
    EXPECT_EQ(get(path).body, "a-0 " + path);
  EXPECT_EQ(infer().body, "a-0 /v2/models/credit/infer");
  EXPECT_EQ(get("/v2/health/live").body, R"({"live":true})");
  EXPECT_EQ(get("/v2/health/ready").body, R"({"ready":true})");
  EXPECT_THAT(get("/v2").body, HasSubstr(R"("name":"slipway")"));
  EXPECT_EQ(get("/v2/models").body, R"({"models":["credit"]})");
  EXPECT_EQ(get("/").status, 200);
  EXPECT_EQ(get("/v2/other").status, 404);
  EXPECT_EQ(ask({.method = base::Method::kDelete, .target = "/v2/models/credit"}).status, 405);
}

TEST_F(Requests, AreSharedOutExactlyByWeight) {
  start_two(99, 1);
  const auto kept = client();
  for (int i = 0; i < 1000; ++i) {
    const auto answer = kept->ask({.target = "/v2/models/credit"});
    ASSERT_TRUE(answer && answer->status == 200);
  }
  EXPECT_EQ(replicas_[0]->asked(), 990);
  EXPECT_EQ(replicas_[1]->asked(), 10);
}

TEST_F(Requests, FollowTheNewestWeightsAtOnce) {
  start_two(100, 0);
  const auto kept = client();
  for (int round = 0; round < 20; ++round) {
    const int weight = round % 2 ? 0 : 100;
    store_.put(stored(deployment("credit", {{"a", 1, 100 - weight}, {"b", 2, weight}})));
    take_in();
    const auto answer = kept->ask({.target = "/v2/models/credit"});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, weight == 100 ? "b-0 /v2/models/credit" : "a-0 /v2/models/credit");
  }
}

TEST_F(Requests, AnIdleLoopShowsNoWeightThatItsNextRequestWouldNotFollow) {
  start_two(100, 0);
  EXPECT_EQ(get("/v2/models/credit").body, "a-0 /v2/models/credit");
  store_.put(stored(deployment("credit", {{"a", 1, 0}, {"b", 2, 100}})));
  take_in();
  const auto observed = domain::parse_gateway_observed(admin("/observed").body);
  ASSERT_TRUE(observed);
  ASSERT_EQ(observed->rows.size(), 2u);
  EXPECT_EQ(observed->rows[0].weight, 0);
  EXPECT_EQ(observed->rows[1].weight, 100);
  EXPECT_EQ(observed->rows[1].endpoints, 1);
  EXPECT_EQ(get("/v2/models/credit").body, "b-0 /v2/models/credit");
}

TEST_F(Requests, OneRevisionIsAddressedByTheHeaderAlsoWithoutWeight) {
  start_two(100, 0);
  EXPECT_EQ(addressed("b").body, "b-0 /v2/models/credit");
  EXPECT_EQ(addressed("a").body, "a-0 /v2/models/credit");
  const auto unknown = addressed("c");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.body, HasSubstr("credit has no revision c; it has a, b"));
}

TEST_F(Requests, OneVersionIsAddressedByThePath) {
  start_two(100, 0);
  EXPECT_EQ(get("/v2/models/credit/versions/2").body, "b-0 /v2/models/credit/versions/2");
  for (const std::string version : {"3", "x", "2x", "99999999999999999999", "-1"}) {
    const auto unknown = get("/v2/models/credit/versions/" + version);
    EXPECT_EQ(unknown.status, 404);
    EXPECT_THAT(unknown.body, HasSubstr("credit serves no version " + version + "; it serves 1, 2"));
  }
}

TEST_F(Requests, AnUnknownDeploymentIsToldWhatThereIs) {
  start();
  EXPECT_THAT(infer("{}", "credit").body, HasSubstr("there is no deployment credit; there is none"));
  for (int i = 0; i < 30; ++i) store_.put(stored(deployment(fmt::format("d{:02}", i), {})));
  take_in();
  const auto answer = infer("{}", "credit");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.find("slipway-refused"), "NotFound");
  EXPECT_EQ(answer.find("retry-after"), "");
  EXPECT_THAT(answer.body, AllOf(HasSubstr("d00, d01"), HasSubstr("d19 and 10 more")));
}

TEST_F(Requests, BeforeAnythingIsKnownNothingIsSaidNotToExist) {
  store_.refuse(store::Kind::kEndpointSlice, {Code::kUnavailable, "not looked yet"});
  start();
  EXPECT_EQ(get("/v2/health/ready").status, 503);
  const auto answer = infer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.find("slipway-refused"), "NotKnownYet");
  EXPECT_EQ(answer.find("retry-after"), "1");
  store_.let(store::Kind::kEndpointSlice);
  take_in();
  EXPECT_EQ(infer().status, 404);
  EXPECT_EQ(get("/v2/health/ready").status, 200);
}

TEST_F(Requests, AreAnsweredByWhatIsNewerThanTheListsOfTheLastTimeFromTheFirstOn) {
  start_two(100, 0);
  gateway_.reset();
  store_.put(stored(deployment("credit", {{"a", 1, 0}, {"b", 2, 100}})));
  start(Options{.listen = {}, .catch_up = 10s}, TakeIn::kLater);
  EXPECT_EQ(infer().body, "b-0 /v2/models/credit/infer");
}

TEST_F(Requests, ADeploymentThatIsNotReadySaysWhy) {
  auto wanted = deployment("credit", {});
  wanted.status.conditions = {{.type = "Serving",
                               .status = domain::ConditionStatus::kFalse,
                               .reason = domain::Reason::kLoadFailed,
                               .message = "credit-1: line 3: no trees",
                               .observed_generation = 1,
                               .since = {}}};
  store_.put(stored(wanted));
  start();
  const auto answer = infer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.find("retry-after"), "1");
  EXPECT_EQ(answer.find("slipway-refused"), "LoadFailed");
  EXPECT_THAT(answer.body, AllOf(HasSubstr("credit cannot answer now: credit-1: line 3: no trees"),
                                 HasSubstr("slipway why credit")));
  EXPECT_EQ(sample(R"(slipway_gateway_refused_total{reason="LoadFailed"})"), "1");
}

TEST_F(Requests, ADeploymentThatLostItsReplicasSaysThat) {
  start_two(100, 0);
  store_.put(slice("a", 0, 1));
  take_in();
  const auto answer = infer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.find("slipway-refused"), "NoReadyReplica");
  EXPECT_EQ(addressed("b").status, 200) << "who names it gets an answer";
}

TEST_F(Requests, AreAnsweredByTheListsOfTheLastTime) {
  start_two(100, 0);
  gateway_.reset();
  for (const auto kind : {store::Kind::kModelDeployment, store::Kind::kEndpointSlice})
    store_.refuse(kind, {Code::kUnavailable, "control is dead"});
  start();
  EXPECT_EQ(infer().body, "a-0 /v2/models/credit/infer");
  EXPECT_EQ(sample("slipway_gateway_synced"), "0");
}

TEST_F(Requests, AGatewayThatEndsInGoodOrderKeepsItsLastWord) {
  start_two(100, 0);
  store_.put(stored(deployment("credit", {{"a", 1, 0}, {"b", 2, 100}})));
  gateway_->step(now_ + 10ms);
  gateway_->stop();
  for (const auto kind : {store::Kind::kModelDeployment, store::Kind::kEndpointSlice})
    store_.refuse(kind, {Code::kUnavailable, "control is dead"});
  start();
  EXPECT_EQ(infer().body, "b-0 /v2/models/credit/infer");
}

TEST_F(Requests, AreCountedByRevisionAndCode) {
  start_two(50, 50);
  for (int i = 0; i < 10; ++i) get("/v2/models/credit");
  EXPECT_EQ(sample(R"(slipway_gateway_requests_total{deployment="credit",revision="a",code="200"})"), "5");
  EXPECT_EQ(sample(R"(slipway_gateway_requests_total{deployment="credit",revision="b",code="200"})"), "5");
  EXPECT_EQ(sample(R"(slipway_gateway_request_seconds_count{deployment="credit",revision="a"})"), "5");
  EXPECT_EQ(sample("slipway_gateway_in_flight"), "0");
  EXPECT_EQ(sample("slipway_gateway_deployments"), "1");
  EXPECT_EQ(sample("slipway_gateway_synced"), "1");
}

TEST_F(Requests, AnObservedRevisionIsIdleSinceItsLastRequest) {
  start_two(100, 0);
  get("/v2/models/credit");
  const auto observed = domain::parse_gateway_observed(admin("/observed").body);
  ASSERT_TRUE(observed && observed->rows.size() == 2);
  EXPECT_LT(observed->rows[0].idle_seconds, 60);
  EXPECT_GT(observed->rows[1].idle_seconds, observed->rows[0].idle_seconds);
  EXPECT_EQ(observed->rows[0].in_flight, 0);
}

TEST_F(Requests, ProbesAnswerOnTheAdminsOwnListener) {
  start();
  for (const std::string path : {"/startupz", "/readyz", "/livez"})
    EXPECT_EQ(admin(path).status, 200) << path;
  EXPECT_EQ(get("/readyz").status, 404) << "they are no contract of callers";
}

TEST_F(Requests, ThatAreRunningAreAnsweredBeforeItGoes) {
  std::promise<void> arrived, go;
  replica("a-0", [&, may_go = go.get_future().share()](http::Exchange& exchange) {
    arrived.set_value();
    may_go.wait();
    exchange.respond({.body = "late"});
  });
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  start();
  auto running = std::async(std::launch::async, [this] { return infer(); });
  arrived.get_future().wait();
  gateway_->begin_drain();
  EXPECT_EQ(admin("/readyz").status, 503);
  EXPECT_FALSE(gateway_->drain_step(clock_.now()));
  EXPECT_TRUE(gateway_->drain_step(clock_.now() + 31s)) << "a deadline ends it";
  go.set_value();
  EXPECT_EQ(running.get().body, "late");
}

}  // namespace
}  // namespace slipway::gateway
