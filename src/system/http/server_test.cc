#include <gtest/gtest.h>

#include "system/http/testing/test_server.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::body_of_answer;
using testing::RawClient;
using testing::ServerTest;
using testing::status_of_answer;

TEST_F(ServerTest, KeepsConnectionsAndAnswersPipelinedRequestsInOrder) {
  start();
  auto peer = client();
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += fmt::format("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{:02}", i);
  peer.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(body_of_answer(peer.answer()), fmt::format("{:02}", i));
}

TEST_F(ServerTest, TakesBodiesLargerThanItsBuffer) {
  start();
  const std::string body(700'000, 'x');
  EXPECT_EQ(body_of_answer(ask(fmt::format("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}",
                                           body.size(), body))),
            body);
  std::string chunks;
  for (int i = 0; i < 100; ++i) chunks += "1000\r\n" + std::string(4096, 'y') + "\r\n";
  EXPECT_EQ(body_of_answer(ask("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                               chunks + "0\r\n\r\n")),
            std::string(409'600, 'y'));
  EXPECT_EQ(body_of_answer(ask("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                               chunks + "0\r\n\r\n")),
            "409600");
  EXPECT_EQ(body_of_answer(ask(fmt::format("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}",
                                           body.size(), body))),
            "700000");
}

TEST_F(ServerTest, KeepsACallersRequestIdAndMakesOneOtherwise) {
  start();
  EXPECT_NE(
      ask("GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-7\r\n\r\n").find("x-request-id: mine-7\r\n"),
      std::string::npos);
  const std::string made = ask("GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-Id: not printable \x7f\r\n\r\n");
  EXPECT_EQ(status_of_answer(made), 400);
  const std::string long_id =
      ask("GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + std::string(200, 'a') + "\r\n\r\n");
  EXPECT_EQ(long_id.find("aaaa"), std::string::npos);
}

TEST_F(ServerTest, IsNotHeldUpByASlowSender) {
  start({.header_time = 50ms, .body_grace = 50ms});
  auto slow = client();
  slow.send("GET /hello HT");
  auto slow_body = client();
  slow_body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nab");
  EXPECT_EQ(status_of_answer(ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
  EXPECT_EQ(status_of_answer(slow.answer()), 408);
  EXPECT_EQ(status_of_answer(slow_body.answer()), 504);
  EXPECT_TRUE(slow.closed());
}

TEST_F(ServerTest, ATricklingBodyIsJudgedByItsRate) {
  start({.body_grace = 50ms});
  auto slow = client();
  slow.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
  std::string answer;
  for (int i = 0; i < 100 && answer.empty(); ++i) {
    slow.send("x");
    answer = slow.receive(1, 10);
  }
  ASSERT_NE(answer, "") << "the bytes that trickle in put the judgement off";
  EXPECT_EQ(status_of_answer(answer + slow.rest()), 504);
}

TEST_F(ServerTest, AnswersWhatWasPipelinedBehindFullOutput) {
  start({.output_bytes = 1000, .idle_time = 1s});
  auto peer = client();
  std::string all;
  for (int i = 0; i < 12; ++i) all += "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
  peer.send(all);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(body_of_answer(peer.answer()), "hello") << i;
}

TEST_F(ServerTest, RefusesABodyWhenTheBudgetIsSpent) {
  start({}, &budget_);
  const std::string body(300'000, 'x');
  const std::string answer =
      ask(fmt::format("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  EXPECT_EQ(status_of_answer(answer), 503);
  EXPECT_NE(answer.find("retry-after: 1"), std::string::npos);
  EXPECT_EQ(status_of_answer(ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
}

TEST_F(ServerTest, ClosesConnectionsBeyondItsLimit) {
  start({.connections = 2});
  auto first = client(), second = client();
  for (RawClient* peer : {&first, &second}) {
    peer->send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(status_of_answer(peer->answer()), 200);
  }
  EXPECT_TRUE(client().closed());
}

TEST_F(ServerTest, ManySlowSendersDoNotDisturbAnHonestOne) {
  start();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 64; ++i) {
    slow.push_back(std::make_unique<RawClient>(server_->address()));
    slow.back()->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nab");
  }
  auto honest = client();
  for (int i = 0; i < 100; ++i) {
    honest.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_EQ(body_of_answer(honest.answer()), "hi");
  }
}

TEST_F(ServerTest, DrainsWithoutLosingARequest) {
  std::promise<void> go;
  late_may_answer_ = go.get_future().share();
  start();
  auto busy = client(), idle = client();
  idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of_answer(idle.answer()), 200);
  busy.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  late_started_.wait();
  server_->drain();
  go.set_value();  // behind the drain: the loop takes both in this order
  const std::string answer = busy.answer();
  EXPECT_EQ(status_of_answer(answer), 200);
  EXPECT_NE(answer.find("connection: close"), std::string::npos);
  idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of_answer(idle.answer()), 200);
  EXPECT_TRUE(idle.closed());
}

TEST_F(ServerTest, CountsWhatItDoes) {
  start();
  ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  ask("nonsense\r\n\r\n");
  const Counters counters = server_->counters();
  EXPECT_EQ(counters.connections, 2u);
  EXPECT_EQ(counters.requests, 1u);
  EXPECT_EQ(counters.refused, 1u);
  EXPECT_GT(counters.bytes_in, 0u);
}

}  // namespace
}  // namespace slipway::http
