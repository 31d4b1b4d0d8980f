// What becomes of a request when replicas, callers or the table do not stay as they were.
#include "services/gateway/internal/forward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "services/gateway/testing/world.h"
#include "system/http/testing/raw_client.h"

namespace slipway::gateway {
namespace {

using namespace std::chrono_literals;
using http::Exchange;
using http::testing::RawClient;
using testing::deployment;
using testing::GatewayTest;
using ::testing::HasSubstr;
using testing::Replica;
using testing::slice;
using testing::stored;

constexpr size_t kLarge = 3 << 20;

void echo(Exchange& exchange) {
  exchange.read_all(16 << 20, [](Exchange& to, Result<std::string_view> body) {
    if (!body) return http::respond_error(to, body.error());
    to.respond({.content_type = "text/plain", .body = *body});
  });
}
void break_off(Exchange& exchange) { exchange.abort(); }
void refuse_for_draining(Exchange& exchange) {
  const base::Header headers[] = {{"slipway-refused", "draining"}, {"retry-after", "1"}};
  exchange.respond({.status = 503, .headers = headers, .body = "going"});
}

void refuse_for_loading(Exchange& exchange) {
  const base::Header headers[] = {{"slipway-refused", "loading"}, {"retry-after", "1"}};
  exchange.respond({.status = 503, .headers = headers, .body = "not yet"});
}

class ForwardTest : public GatewayTest {
 protected:
  // A deployment of one revision with so many replicas by the slice, whoever of them is there.
  void start_with(int replicas, domain::ServingSettings settings = {}) {
    auto wanted = deployment("credit", {{"a", 1, 100}});
    wanted.spec.settings = settings;
    store_.put(stored(wanted));
    store_.put(slice("a", replicas));
    start();
  }
  int asked() const {
    int out = 0;
    for (const auto& each : replicas_) out += each->asked();
    return out;
  }
  // Everything that was begun is over.
  void expect_quiet() const {
    for (int i = 0; i < 5000 && sample("slipway_gateway_in_flight") != "0"; ++i) std::this_thread::yield();
    EXPECT_EQ(sample("slipway_gateway_in_flight"), "0");
    const auto observed = domain::parse_gateway_observed(admin("/observed").body);
    ASSERT_TRUE(observed);
    for (const domain::GatewayRow& row : observed->rows) EXPECT_EQ(row.in_flight, 0) << row.revision;
  }
};

TEST_F(ForwardTest, AReplicaThatIsNotThereCostsNoRequest) {
  replica("a-1");
  start_with(3);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(infer().status, 200);
  expect_quiet();
}

TEST_F(ForwardTest, AReplicaThatBreaksBeforeItsAnswerIsMadeUpForByAnother) {
  replica("a-0", break_off);
  replica("a-1");
  start_with(2);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(infer().body, "a-1 /v2/models/credit/infer");
  EXPECT_EQ(replicas_[1]->asked(), 50);
  EXPECT_GT(replicas_[0]->asked(), 0);
  EXPECT_EQ(sample("slipway_gateway_retries_total"), fmt::format("{}", replicas_[0]->asked()));
  expect_quiet();
}

TEST_F(ForwardTest, ARequestThatMayHaveBeenSeenIsTriedOnceMoreAndNotAgain) {
  for (const char* name : {"a-0", "a-1", "a-2"}) replica(name, break_off);
  start_with(3);
  const auto answer = infer();
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(answer.find("slipway-refused"), "ReplicaBroke");
  EXPECT_THAT(answer.body, HasSubstr("credit"));
  EXPECT_EQ(asked(), 2);
  expect_quiet();
}

TEST_F(ForwardTest, ReplicasThatDrainDoNotCountAsTheOneRetry) {
  for (const char* name : {"a-0", "a-1", "a-2"}) replica(name, refuse_for_draining);
  replica("a-3");
  start_with(4);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(infer().body, "a-3 /v2/models/credit/infer");
  expect_quiet();
}

TEST_F(ForwardTest, AReplicaThatWasStartedAgainGetsNoRequestBeforeItHasLoaded) {
  replica("a-0", refuse_for_loading);
  replica("a-1");
  start_with(2);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(infer().status, 200);
  expect_quiet();
}

TEST_F(ForwardTest, WhenAllDrainTheCallerIsToldSo) {
  replica("a-0", refuse_for_draining);
  start_with(1);
  const auto answer = infer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.find("slipway-refused"), "draining");
  EXPECT_EQ(answer.find("retry-after"), "1");
  expect_quiet();
}

TEST_F(ForwardTest, WhenNobodyIsThereTheCallerIsToldToTryAgain) {
  start_with(2);
  const auto answer = infer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.find("retry-after"), "1");
  EXPECT_THAT(answer.body, HasSubstr("no replica of credit takes the request"));
  expect_quiet();
}

TEST_F(ForwardTest, AKeptConnectionThatWasClosedMeanwhileCostsNothing) {
  replica("a-0");
  start_with(1);
  const auto kept = client();
  for (int i = 0; i < 5; ++i) {
    const auto answer = kept->ask({.method = base::Method::kPost, .target = "/v2/models/credit/infer"});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    replicas_.clear();
    replica("a-0");
  }
}

TEST_F(ForwardTest, LargeBodiesAreStreamedBothWays) {
  replica("a-0", echo);
  start_with(1);
  std::string body(kLarge, 'x');
  for (size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>('a' + i / 1000 % 26);
  const auto answer = infer(body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == body);
  expect_quiet();
}

TEST_F(ForwardTest, ABodyInChunksIsStreamed) {
  replica("a-0", echo);
  start_with(1);
  RawClient raw(gateway_->address());
  raw.send(
      "POST /v2/models/credit/infer HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  raw.send("4\r\ndefg\r\n0\r\n\r\n");
  EXPECT_THAT(raw.answer(), ::testing::EndsWith("\r\n\r\nabcdefg"));
  expect_quiet();
}

TEST_F(ForwardTest, ALargeBodyGoesElsewhereWhileNothingOfItHasLeft) {
  replica("a-0", echo);
  replica("a-1", refuse_for_draining);
  replica("a-2", break_off);
  start_with(4);
  const std::string body(kLarge, 'y');
  for (int i = 0; i < 8; ++i) EXPECT_EQ(infer(body).status, 200);
  expect_quiet();
}

TEST_F(ForwardTest, ALargeBodyThatHasLeftIsNotSentAgain) {
  const auto read_some_and_break = [](Exchange& exchange) {
    exchange.read([](Exchange& from, Result<Exchange::Piece>) { from.abort(); });
  };
  replica("a-0", read_some_and_break);
  replica("a-1", read_some_and_break);
  start_with(2);
  EXPECT_EQ(infer(std::string(kLarge, 'z')).status, 502);
  EXPECT_EQ(asked(), 1);
  expect_quiet();
}

TEST_F(ForwardTest, AnAnswerBeforeTheBodyHasBeenSentIsTheAnswer) {
  replica("a-0", [](Exchange& exchange) { exchange.respond({.status = 413, .body = "too much"}); });
  start_with(1);
  EXPECT_EQ(infer(std::string(kLarge, 'z')).status, 413);
  expect_quiet();
}

TEST_F(ForwardTest, AnswersInPiecesComeInPieces) {
  replica("a-0", [](Exchange& exchange) {
    exchange.start({.content_type = "text/plain"});
    exchange.write("one,", nullptr);
    exchange.write("two", nullptr);
    exchange.finish();
  });
  start_with(1);
  const auto answer = infer();
  EXPECT_EQ(answer.body, "one,two");
  EXPECT_EQ(answer.find("content-type"), "text/plain");
  expect_quiet();
}

TEST_F(ForwardTest, AnAnswerThatIsCutIsSeenToBeCut) {
  replica("a-0", [](Exchange& exchange) {
    exchange.start({.content_type = "text/plain"});
    exchange.write("one,", nullptr);
    exchange.abort();
  });
  start_with(1);
  EXPECT_FALSE(client()->ask({.method = base::Method::kPost, .target = "/v2/models/credit/infer"}));
  EXPECT_EQ(asked(), 1) << "who has seen a part of an answer is not asked for another";
  expect_quiet();
}

TEST_F(ForwardTest, AHeadWithoutABodyStaysOne) {
  replica("a-0");
  start_with(1);
  RawClient raw(gateway_->address());
  raw.send(
      "HEAD /v2/models/credit HTTP/1.1\r\nhost: h\r\n\r\nGET /v2/models/credit HTTP/1.1\r\nhost: h\r\n\r\n");
  const std::string both = raw.receive(4096, 200);
  EXPECT_THAT(both, HasSubstr("content-length: 21\r\n"));
  EXPECT_EQ(both.find("a-0 /v2/models/credit"), both.rfind("a-0 /v2/models/credit"));
}

TEST_F(ForwardTest, ARequestEndsAtItsDeploymentsTimeout) {
  std::promise<void> go;
  replica("a-0", [may_go = go.get_future().share()](Exchange& exchange) {
    may_go.wait();
    exchange.respond({.body = "late"});
  });
  start_with(1, {.timeout = 30ms});
  const auto answer = infer();
  EXPECT_EQ(answer.status, 504);
  EXPECT_THAT(answer.body, HasSubstr("credit did not answer in time"));
  expect_quiet();
  go.set_value();
}

TEST_F(ForwardTest, MoreThanTheQueueHoldsAreRefusedAtOnce) {
  std::promise<void> arrived, go;
  replica("a-0", [&, may_go = go.get_future().share()](Exchange& exchange) {
    arrived.set_value();
    may_go.wait();
    exchange.respond({.body = "done"});
  });
  start_with(1, {.queue = 1});
  auto first = std::async(std::launch::async, [this] { return infer(); });
  arrived.get_future().wait();
  const auto refused = infer();
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.find("slipway-refused"), "QueueFull");
  EXPECT_EQ(refused.find("retry-after"), "1");
  go.set_value();
  EXPECT_EQ(first.get().body, "done");
  expect_quiet();
}

TEST_F(ForwardTest, AReplicaHearsThatTheCallerHasGone) {
  std::promise<void> arrived, gone;
  replica("a-0", [&](Exchange& exchange) {
    exchange.on_cancel([&] { gone.set_value(); });
    arrived.set_value();
  });
  start_with(1);
  {
    RawClient raw(gateway_->address());
    raw.send("POST /v2/models/credit/infer HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}");
    arrived.get_future().wait();
  }
  gone.get_future().wait();
  expect_quiet();
}

TEST_F(ForwardTest, ACallerThatGoesInTheMiddleOfItsBodyLeavesNothingBehind) {
  replica("a-0", echo);
  start_with(1);
  for (const char* length : {"10", "1000000"}) {
    RawClient raw(gateway_->address());
    raw.send(fmt::format("POST /v2/models/credit/infer HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\nabc",
                         length));
    for (int i = 0; i < 5000 && sample("slipway_gateway_in_flight") != "1"; ++i) std::this_thread::yield();
  }
  expect_quiet();
  EXPECT_EQ(infer().status, 200);
}

TEST_F(ForwardTest, ARequestWhoseBodyComesLateGoesByTheNewestTable) {
  replica("a-0");
  replica("b-0");
  start_with(1);
  store_.put(slice("b", 1));
  take_in();
  RawClient raw(gateway_->address());
  raw.send("POST /v2/models/credit/infer HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{");
  for (int i = 0; i < 5000 && sample("slipway_gateway_in_flight") != "1"; ++i) std::this_thread::yield();
  store_.put(stored(deployment("credit", {{"a", 1, 0}, {"b", 2, 100}})));
  take_in();
  raw.send("}");
  EXPECT_THAT(raw.answer(), HasSubstr("b-0 /v2/models/credit/infer"));
}

TEST_F(ForwardTest, HundredsAtOnceAreAllAnswered) {
  constexpr int kAtOnce = 400;
  std::latch arrived(kAtOnce);
  std::vector<http::ExchangePtr> held;
  replica("a-0", [&](Exchange& exchange) {
    held.push_back(exchange.shared_from_this());
    if (held.size() == kAtOnce)
      for (const auto& each : held) each->respond({.body = "all"});
    arrived.count_down();
  });
  start_with(1);
  std::vector<std::unique_ptr<RawClient>> raws;
  for (int i = 0; i < kAtOnce; ++i) {
    raws.push_back(std::make_unique<RawClient>(gateway_->address()));
    raws.back()->send("GET /v2/models/credit HTTP/1.1\r\nhost: h\r\n\r\n");
  }
  arrived.wait();
  for (const auto& raw : raws) EXPECT_THAT(raw->answer(), ::testing::EndsWith("all"));
  expect_quiet();
}

}  // namespace
}  // namespace slipway::gateway
