#include "system/http/server.h"

#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "system/http/router.h"
#include "system/http/testing/raw_client.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::body_of_answer;
using testing::RawClient;
using testing::status_of_answer;

// A server with an /echo that answers what it was sent, and some stranger handlers.
class ServerTest : public ::testing::Test {
 protected:
  void start(Limits limits = {}, base::Budget* budget = nullptr) {
    server_ = std::make_unique<Server>(
        ServerOptions{.address = *parse_address("127.0.0.1:0"), .limits = limits, .budget = budget},
        [this](Exchange& exchange) { router_(exchange); }, clock_);
    ASSERT_TRUE(server_->start());
  }
  RawClient client() { return RawClient(server_->address()); }
  std::string ask(std::string_view bytes) {
    RawClient client(server_->address());
    client.send(bytes);
    return client.answer();
  }

  static void echo(Exchange& exchange) {
    exchange.read_all(1 << 20, [](Exchange& from, Result<std::string_view> body) {
      if (!body) return respond_error(from, body.error());
      from.respond({.content_type = "text/plain", .body = *body});
    });
  }
  void TearDown() override {  // who answers later must be done before the server goes
    for (auto& answer : late_) answer.wait();
  }
  void answer_later(Exchange& exchange) {
    late_.push_back(std::async(std::launch::async, [held = exchange.shared_from_this()] {
      std::this_thread::sleep_for(20ms);
      held->respond({.body = "\"late\""});
    }));
    late_started_.count_down();
  }
  static void stream(Exchange& exchange) {
    exchange.start({.content_type = "text/plain"});
    exchange.write("one,", nullptr);
    exchange.write("two", nullptr);
    exchange.finish();
  }
  static void count_pieces(Exchange& exchange) { count_more(exchange, std::make_shared<size_t>(0)); }
  static void count_more(Exchange& exchange, std::shared_ptr<size_t> total) {
    exchange.read([total](Exchange& from, Result<Exchange::Piece> piece) {
      if (!piece) return respond_error(from, piece.error());
      *total += piece->bytes.size();
      if (!piece->last) return count_more(from, total);
      from.respond({.body = std::to_string(*total)});
    });
  }

  runtime::RealClock clock_;
  base::Budget budget_{100'000};
  std::vector<std::future<void>> late_;
  std::latch late_started_{1};
  Router router_{{
      {base::Method::kPost, "/echo", "test.echo", [](Exchange& e, const PathParameters&) { echo(e); }},
      {base::Method::kGet, "/hello", "test.hello",
       [](Exchange& e, const PathParameters&) {
         e.respond({.content_type = "text/plain", .body = "hello"});
       }},
      {base::Method::kGet, "/late", "test.late",
       [this](Exchange& e, const PathParameters&) { answer_later(e); }},
      {base::Method::kGet, "/stream", "test.stream", [](Exchange& e, const PathParameters&) { stream(e); }},
      {base::Method::kPost, "/count", "test.count",
       [](Exchange& e, const PathParameters&) { count_pieces(e); }},
      {base::Method::kGet, "/models/{name}/parts/{part}", "test.part",
       [](Exchange& e, const PathParameters& p) {
         e.respond({.body = std::string(p[0]) + "|" + std::string(p[1])});
       }},
  }};
  std::unique_ptr<Server> server_;
};

// What a client may not send, and the exact answer to each.
TEST_F(ServerTest, RefusesWhatTwoReadersCouldReadDifferently) {
  start();
  const struct {
    const char* why;
    std::string bytes;
    int status;
  } rows[] = {
      {"both lengths",
       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"two lengths", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
       400},
      {"the same length twice",
       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"a list of lengths", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
      {"a signed length", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400},
      {"a hex length", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400},
      {"a huge length", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
       400},
      {"a bare LF", "GET /hello HTTP/1.1\nHost: a\n\n", 400},
      {"a bare LF after a header", "GET /hello HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"a bare CR", "GET /hello HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400},
      {"a folded line", "GET /hello HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400},
      {"a space before the colon", "GET /hello HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"a space at the front", "GET /hello HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"no colon", "GET /hello HTTP/1.1\r\nHost a\r\n\r\n", 400},
      {"a NUL", std::string("GET /hello HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 39), 400},
      {"two spaces", "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a space in the target", "GET /hel lo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no version", "GET /hello\r\nHost: a\r\n\r\n", 400},
      {"HTTP/0.9", "GET /hello HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"HTTP/2.0", "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.2", "GET /hello HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"a method that is none", "G\x01T /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no host", "GET /hello HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"an encoding that we do not read",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"an encoding that is not last",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400},
      {"a hidden encoding", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
       501},
      {"chunked in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"two encodings",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"an expectation that we do not meet",
       "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 1\r\n\r\n", 417},
      {"a chunk size that is none",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", 400},
      {"a chunk longer than it says",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", 400},
      {"a chunk size that overflows",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
      {"too large a body", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413},
      {"a target that is no path", "GET hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"too long a target", "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"too large a head", "GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n",
       431},
      {"too many headers",
       [] {
         std::string text = "GET /hello HTTP/1.1\r\nHost: a\r\n";
         for (int i = 0; i < 101; ++i) text += "X: 1\r\n";
         return text + "\r\n";
       }(),
       431},
  };
  for (const auto& row : rows) {
    const std::string answer = ask(row.bytes);
    EXPECT_EQ(status_of_answer(answer), row.status) << row.why << ": " << answer;
    EXPECT_NE(answer.find("connection: close"), std::string::npos) << row.why;
    EXPECT_NE(answer.find("x-request-id: "), std::string::npos) << row.why;
    EXPECT_TRUE(body_of_answer(answer).starts_with("{\"error\":\"")) << row.why;
  }
}

TEST_F(ServerTest, AnswersWhatTheStandardAllows) {
  start();
  const struct {
    const char *why, *bytes, *body;
  } rows[] = {
      {"plain", "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "hello"},
      {"HTTP/1.0 without a host", "GET /hello HTTP/1.0\r\n\r\n", "hello"},
      {"an absolute target", "GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", "hello"},
      {"an empty line before", "\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "hello"},
      {"a query", "GET /hello?a=b HTTP/1.1\r\nHost: a\r\n\r\n", "hello"},
      {"a length", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "abc"},
      {"no body", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", ""},
      {"chunks",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: "
       "t\r\n\r\n",
       "abc"},
      {"an escape", "GET /models/a%2Fb/parts/c%20d HTTP/1.1\r\nHost: a\r\n\r\n", "a/b|c d"},
  };
  for (const auto& row : rows) {
    const std::string answer = ask(row.bytes);
    EXPECT_EQ(status_of_answer(answer), 200) << row.why << ": " << answer;
    EXPECT_EQ(body_of_answer(answer), row.body) << row.why;
  }
}

TEST_F(ServerTest, KeepsConnectionsAndAnswersPipelinedRequestsInOrder) {
  start();
  auto peer = client();
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += fmt::format("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{:02}", i);
  peer.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(body_of_answer(peer.answer()), fmt::format("{:02}", i));
}

TEST_F(ServerTest, AnswersInOrderWhenTheFirstIsAnsweredLater) {
  start();
  auto peer = client();
  peer.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(body_of_answer(peer.answer()), "\"late\"");
  EXPECT_EQ(body_of_answer(peer.answer()), "hello");
}

TEST_F(ServerTest, GivesTheSameWhereverTheBytesAreCut) {
  start();
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
  for (size_t cut = 1; cut < request.size(); cut += 7) {
    auto peer = client();
    peer.send(request.substr(0, cut));
    EXPECT_EQ(peer.receive(1, 1), "");
    peer.send(request.substr(cut));
    EXPECT_EQ(body_of_answer(peer.answer()), "abc0123456789abcdef") << cut;
  }
}

TEST_F(ServerTest, SeesABareCrThatEndsAPiece) {
  start();
  auto peer = client();
  peer.send("GET /hello HTTP/1.1\r\nHost: a\r");
  EXPECT_EQ(peer.receive(1, 1), "");
  peer.send("X: b\r\n\r\n");
  EXPECT_EQ(status_of_answer(peer.answer()), 400);
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

TEST_F(ServerTest, SaysContinueOnlyWhenTheBodyIsWanted) {
  start();
  auto peer = client();
  peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(peer.receive(25), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("abc");
  EXPECT_EQ(body_of_answer(peer.answer()), "abc");
  const std::string answer =
      ask("POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(status_of_answer(answer), 404);
}

TEST_F(ServerTest, StreamsInChunksAndToOldClientsUntilItCloses) {
  start();
  auto peer = client();
  peer.send("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(body_of_answer(peer.rest()), "4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n");
  auto old = client();
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of_answer(old.rest()), "one,two");
}

TEST_F(ServerTest, HeadHasTheLengthAndNoBody) {
  start();
  auto peer = client();
  peer.send("HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answer = peer.rest();
  EXPECT_NE(answer.find("content-length: 5"), std::string::npos);
  EXPECT_EQ(body_of_answer(answer), "");
}

TEST_F(ServerTest, SaysWhatAPathTakes) {
  start();
  const std::string answer = ask("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of_answer(answer), 405);
  EXPECT_NE(answer.find("allow: GET"), std::string::npos);
  EXPECT_EQ(status_of_answer(ask("GET /models/a%zz/parts/b HTTP/1.1\r\nHost: a\r\n\r\n")), 400);
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

TEST_F(ServerTest, RefusesABodyWhenTheBudgetIsSpent) {
  start({}, &budget_);
  const std::string body(300'000, 'x');
  const std::string answer =
      ask(fmt::format("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  EXPECT_EQ(status_of_answer(answer), 503);
  EXPECT_NE(answer.find("retry-after: 1"), std::string::npos);
  EXPECT_EQ(status_of_answer(ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
}

TEST_F(ServerTest, SurvivesAPeerThatGoesAwayBeforeItsAnswer) {
  start();
  {
    auto peer = client();
    peer.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    late_started_.wait();
  }
  EXPECT_EQ(status_of_answer(ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
}

TEST_F(ServerTest, TellsAHandlerThatThePeerWentAndKeepsItsRequestReadable) {
  std::promise<ExchangePtr> entered;
  std::promise<void> cancelled;
  router_.add({{base::Method::kPost, "/held", "test.held", [&](Exchange& exchange, const PathParameters&) {
                  exchange.on_cancel([&] { cancelled.set_value(); });
                  exchange.read_all(100'000, [&](Exchange& from, Result<std::string_view> body) {
                    from.arena().copy(*body);
                    entered.set_value(from.shared_from_this());
                  });
                }}});
  start();
  ExchangePtr held;
  {
    auto peer = client();
    peer.send("POST /held HTTP/1.1\r\nHost: a\r\nX-Kind: kept\r\nContent-Length: 3\r\n\r\nabc");
    held = entered.get_future().get();
    EXPECT_FALSE(held->cancelled());
  }
  cancelled.get_future().wait();
  EXPECT_TRUE(held->cancelled());
  EXPECT_EQ(held->head().find("x-kind"), "kept");
  held->respond({.body = "nobody hears it"});
  held.reset();
  server_->stop();
}

TEST_F(ServerTest, AStreamWaitsForAReaderThatDoesNotRead) {
  std::atomic<size_t> written{0};
  std::function<void(Exchange&)> more = [&](Exchange& exchange) {
    const std::string piece(10'000, 'x');
    while (written < 40'000'000 && !exchange.cancelled()) {
      written += piece.size();
      if (!exchange.write(piece, more)) return;
    }
    if (!exchange.cancelled()) exchange.finish();
  };
  router_.add({{base::Method::kGet, "/flood", "test.flood", [&](Exchange& exchange, const PathParameters&) {
                  exchange.start({.content_type = "text/plain"});
                  more(exchange);
                }}});
  start();
  auto peer = client();
  peer.send("GET /flood HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of_answer(ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
  EXPECT_LT(written, 20'000'000u);  // what the sockets hold, and our own limit
  EXPECT_GT(peer.rest().size(), 40'000'000u);
  EXPECT_EQ(written, 40'000'000u);
  server_->stop();
}

TEST_F(ServerTest, AnswersAStreamFromAnotherThread) {
  router_.add({{base::Method::kGet, "/later", "test.later", [&](Exchange& exchange, const PathParameters&) {
                  late_.push_back(std::async(std::launch::async, [held = exchange.shared_from_this()] {
                    held->start({.content_type = "text/plain"});
                    held->write("one,", nullptr);
                    held->write("two", nullptr);
                    held->finish();
                  }));
                }}});
  start();
  auto peer = client();
  peer.send("GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(body_of_answer(peer.rest()), "4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n");
}

TEST_F(ServerTest, AnAbortedStreamLooksUnfinished) {
  router_.add({{base::Method::kGet, "/broken", "test.broken", [](Exchange& exchange, const PathParameters&) {
                  exchange.start({.content_type = "text/plain"});
                  exchange.write("half", nullptr);
                  exchange.abort();
                }}});
  start();
  auto peer = client();
  peer.send("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = peer.rest();
  EXPECT_FALSE(answer.ends_with("0\r\n\r\n")) << answer;
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

TEST_F(ServerTest, KeepsAnOldClientsConnectionOnlyWhenItAsks) {
  start();
  auto peer = client();
  peer.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(peer.answer().find("connection: keep-alive"), std::string::npos);
  peer.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_NE(peer.answer().find("connection: close"), std::string::npos);
  EXPECT_TRUE(peer.closed());
}

TEST_F(ServerTest, DrainsWithoutLosingARequest) {
  start();
  auto busy = client(), idle = client();
  idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of_answer(idle.answer()), 200);
  busy.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  late_started_.wait();
  server_->drain();
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

TEST(AddressTest, IsReadAndWritten) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "unix:/run/a.sock", "fd:3", "localhost:1"})
    EXPECT_EQ(parse_address(text)->str(), text);
  for (const char* text : {"", ":80", "host", "host:", "host:65536", "host:-1", "unix:", "fd:x"})
    EXPECT_FALSE(parse_address(text)) << text;
  EXPECT_TRUE(is_local(*parse_address("127.0.0.1:1")));
  EXPECT_FALSE(is_local(*parse_address("0.0.0.0:1")));
}

TEST(AddressTest, SaysWhichPortIsBusy) {
  const auto first = listen_on(*parse_address("127.0.0.1:0"));
  const auto second = listen_on(*bound_address(*first));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("is in use"), std::string::npos);
}

}  // namespace
}  // namespace slipway::http
