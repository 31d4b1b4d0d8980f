#include <gtest/gtest.h>

#include "system/http/internal/parser.h"
#include "system/http/testing/test_server.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::body_of_answer;
using testing::ServerTest;
using testing::status_of_answer;

class StreamTest : public ServerTest {};

TEST_F(StreamTest, AnswersInOrderWhenTheFirstIsAnsweredLater) {
  start();
  auto peer = client();
  peer.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(body_of_answer(peer.answer()), "\"late\"");
  EXPECT_EQ(body_of_answer(peer.answer()), "hello");
}

TEST_F(StreamTest, StreamsInChunksAndToOldClientsUntilItCloses) {
  start();
  auto peer = client();
  peer.send("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(body_of_answer(peer.rest()), "4\r\none,\r\n3\r\ntwo\r\n0\r\n\r\n");
  auto old = client();
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of_answer(old.rest()), "one,two");
}

TEST_F(StreamTest, TellsAWriterThatThePeerHasGone) {
  std::promise<void> told;
  router_.add({{base::Method::kGet, "/flood", "test.flood", [&](Exchange& exchange, const PathParameters&) {
                  exchange.start({.content_type = "text/plain"});
                  exchange.on_cancel([&, held = exchange.shared_from_this()] {
                    late_.push_back(std::async(std::launch::async, [&, held] {
                      EXPECT_FALSE(
                          held->write(std::string(300'000, 'x'), [&](Exchange&) { told.set_value(); }));
                    }));
                  });
                }}});
  start();
  {
    auto peer = client();
    peer.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(peer.receive(10), "");
  }
  EXPECT_EQ(told.get_future().wait_for(5s), std::future_status::ready);
}

TEST_F(StreamTest, SurvivesAPeerThatGoesAwayBeforeItsAnswer) {
  start();
  {
    auto peer = client();
    peer.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    late_started_.wait();
  }
  EXPECT_EQ(status_of_answer(ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")), 200);
}

TEST_F(StreamTest, TellsAHandlerThatThePeerWentAndKeepsItsRequestReadable) {
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

TEST_F(StreamTest, AStreamWaitsForAReaderThatDoesNotRead) {
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

TEST_F(StreamTest, AnswersAStreamFromAnotherThread) {
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

TEST_F(StreamTest, KeepsItsHeadAndLeavesRoomForTheNextRequest) {
  router_.add({{base::Method::kGet, "/kind", "test.kind", [&](Exchange& exchange, const PathParameters&) {
                  exchange.start({.content_type = "text/plain"});
                  exchange.write(exchange.head().find("x-kind"), nullptr);
                  exchange.finish();
                }}});
  start();
  auto peer = client();
  const std::string kind(6000, 'k');  // more than a page, so that the head ends inside another
  const std::string request = fmt::format("GET /kind HTTP/1.1\r\nHost: a\r\nX-Kind: {}\r\n\r\n", kind);
  for (int i = 0; i < 3; ++i) {
    peer.send(request);
    std::string answer;
    while (!answer.ends_with("\r\n0\r\n\r\n")) answer += peer.receive(1);
    EXPECT_NE(answer.find(kind), std::string::npos) << i;
  }
}

TEST_F(StreamTest, AnAbortedStreamLooksUnfinished) {
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

TEST_F(StreamTest, TakesALongBodyWhoseChunkSizesComeAlone) {
  internal::Parser parser;
  std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  ASSERT_FALSE(parser.parse_head(head, {}));
  const std::string piece(1000, 'x');
  for (int i = 0; i < 50'000; ++i)
    for (const std::string_view part :
         {std::string_view("3e8\r\n"), std::string_view(piece), std::string_view("\r\n")}) {
      std::string out;
      ASSERT_FALSE(parser.feed_chunked(part, out).refusal) << i;
    }
}

}  // namespace
}  // namespace slipway::http
