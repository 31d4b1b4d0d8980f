// The server's side of TLS, seen by peers that know what they send.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "system/http/client.h"
#include "system/http/testing/test_server.h"
#include "system/http/testing/tls_peer.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::body_of_answer;
using testing::RawClient;
using testing::ServerTest;
using testing::status_of_answer;
using testing::test_authority;
using testing::tls_for;
using testing::TlsPeer;

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

class TlsServerTest : public ServerTest {
 protected:
  TlsServerTest() { tls_ = tls_for(); }
  Url url() { return *parse_url("https://" + server_->address().str()); }
  static void finish_behind(Exchange& exchange) {
    exchange.read([](Exchange& from, Result<Exchange::Piece> piece) {
      if (!piece) return from.abort();
      return piece->last ? from.finish() : finish_behind(from);
    });
  }
  static ClientOptions trusting() { return {.ca_pem = test_authority().certificate_pem}; }
};

TEST_F(TlsServerTest, AnswersManyRequestsOnOneConnection) {
  start();
  Client client(url(), trusting());
  for (int i = 0; i < 50; ++i) {
    const auto response = client.ask({.target = "/hello"});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "hello");
  }
  EXPECT_EQ(server_->counters().connections, 1U);
}

TEST_F(TlsServerTest, AnswersAllRequestsOfOneRecord) {
  start({.pipelined = 3});
  TlsPeer peer(server_->address());
  std::string record;
  for (int i = 0; i < 20; ++i) record += fmt::format("GET /models/m/parts/{} HTTP/1.1\r\nHost: a\r\n\r\n", i);
  peer.send(record);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(body_of_answer(peer.answer()), fmt::format("m|{}", i));
}

// More than the block holds waits in OpenSSL, where no event tells of it.
TEST_F(TlsServerTest, GoesOnWithRequestsThatHadToWaitBehindASlowOne) {
  std::promise<void> go;
  late_may_answer_ = go.get_future().share();
  start();
  TlsPeer peer(server_->address());
  peer.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  late_started_.wait();
  std::string record;
  while (record.size() < 16'000) record += kHello;
  const size_t records = 3, each = record.size() / kHello.size();  // the block has 32 KiB
  for (size_t i = 0; i < records; ++i) peer.send(record);
  while (server_->counters().bytes_in < 32 << 10) std::this_thread::yield();
  go.set_value();
  EXPECT_EQ(body_of_answer(peer.answer()), "\"late\"");
  for (size_t i = 0; i < records * each; ++i) ASSERT_EQ(body_of_answer(peer.answer()), "hello") << i;
}

TEST_F(TlsServerTest, EchoesAMegabyte) {
  start();
  Client client(url(), trusting());
  std::string body(1 << 20, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 2654435761U >> 13);
  for (int i = 0; i < 3; ++i) {
    const auto response = client.ask({.method = base::Method::kPost, .target = "/echo", .body = body});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_TRUE(response->body == body);
  }
  EXPECT_EQ(server_->counters().connections, 1U);
}

TEST_F(TlsServerTest, HoldsAHandshakeToTheHeadsDeadline) {
  start({.header_time = 50ms});
  RawClient silent(server_->address()), half(server_->address());
  half.send("\x16\x03\x01\x02");
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(half.closed());
  EXPECT_EQ(server_->counters().refused, 2U);
  EXPECT_EQ(server_->counters().requests, 0U);
}

TEST_F(TlsServerTest, TellsAPeerThatSpeaksPlainHttp) {
  start();
  for (const char* method : {"GET", "POST", "DELETE", "PATCH"}) {
    const std::string answer = ask(fmt::format("{} /hello HTTP/1.1\r\nHost: a\r\n\r\n", method));
    EXPECT_EQ(status_of_answer(answer), 400);
    EXPECT_EQ(body_of_answer(answer), R"({"error":"this address speaks HTTPS; use https://"})");
  }
  Client client(*parse_url("http://" + server_->address().str()));
  EXPECT_EQ(client.ask({.target = "/hello"})->status, 400);
}

TEST_F(TlsServerTest, ClosesOnBytesThatAreNoTls) {
  start();
  RawClient peer(server_->address());
  peer.send(std::string(100, '\x17'));
  peer.rest();
  EXPECT_TRUE(peer.closed());
  TlsPeer next(server_->address());
  next.send(kHello);
  EXPECT_EQ(body_of_answer(next.answer()), "hello");
}

TEST_F(TlsServerTest, AgreesOnHttp11AndOnNothingElse) {
  start();
  TlsPeer both(server_->address(), std::string_view("\x02h2\x08http/1.1"));
  ASSERT_TRUE(both.connected());
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(&both.ssl(), &chosen, &size);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(chosen), size), "http/1.1");
  EXPECT_FALSE(TlsPeer(server_->address(), std::string_view("\x02h2")).connected());
}

TEST_F(TlsServerTest, SaysWhenAnAnswerIsCompleteAndNotWhenItBreaksOff) {
  router_.add({{base::Method::kGet, "/broken", "test.broken", [](Exchange& e, const PathParameters&) {
                  e.start({.content_type = "text/plain"});
                  e.write("part", nullptr);
                  e.abort();
                }}});
  start();
  TlsPeer whole(server_->address()), broken(server_->address());
  whole.send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of_answer(whole.rest()), "one,two");
  EXPECT_TRUE(whole.ended_orderly());
  broken.send("GET /broken HTTP/1.0\r\n\r\n");
  broken.rest();
  EXPECT_FALSE(broken.ended_orderly());
}

TEST_F(TlsServerTest, SaysGoodbyeToAnIdlePeer) {
  start({.idle_time = 30ms});
  TlsPeer peer(server_->address());
  EXPECT_EQ(peer.rest(), "");
  EXPECT_TRUE(peer.ended_orderly());
}

TEST_F(TlsServerTest, TakesNewKeysInTheMiddle) {
  start();
  TlsPeer peer(server_->address());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(SSL_key_update(&peer.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    peer.send(kHello);
    EXPECT_EQ(body_of_answer(peer.answer()), "hello");
  }
}

// Its own new key has to wait behind what is encrypted already. (A second request for keys meanwhile is
// beyond OpenSSL 3.0: it gives the connection up.)
TEST_F(TlsServerTest, TakesNewKeysFromAPeerThatDoesNotRead) {
  router_.add({{base::Method::kPost, "/drip", "test.drip", [](Exchange& e, const PathParameters&) {
                  e.start({.content_type = "text/plain"});
                  e.write(std::string(8 << 20, '#'), nullptr);
                  finish_behind(e);
                }}});
  start();
  TlsPeer peer(server_->address());
  peer.send("POST /drip HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3000\r\n\r\n");
  EXPECT_EQ(SSL_key_update(&peer.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  for (int i = 0; i < 3; ++i) peer.send(std::string(1000, 'x'));
  const std::string all = peer.rest();
  EXPECT_EQ(std::ranges::count(all, '#'), 8 << 20);
  EXPECT_TRUE(all.ends_with("0\r\n\r\n")) << all.size();
  EXPECT_TRUE(peer.ended_orderly());
}

TEST_F(TlsServerTest, ServesManyPeersAtOnce) {
  start();
  std::vector<std::thread> peers;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 4; ++i)
    peers.emplace_back([&] {
      for (int connection = 0; connection < 3; ++connection) {
        Client client(url(), trusting());
        for (int k = 0; k < 10; ++k) {
          const auto response = client.ask({.method = base::Method::kPost, .target = "/echo", .body = "x"});
          if (response && response->body == "x") ++answered;
        }
      }
    });
  for (auto& peer : peers) peer.join();
  EXPECT_EQ(answered, 120);
}

TEST_F(TlsServerTest, DrainsWithoutLosingARequest) {
  std::promise<void> go;
  late_may_answer_ = go.get_future().share();
  start();
  TlsPeer peer(server_->address());
  peer.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
  late_started_.wait();
  server_->drain();
  go.set_value();
  const std::string answer = peer.answer();
  EXPECT_EQ(body_of_answer(answer), "\"late\"");
  EXPECT_NE(answer.find("connection: close"), std::string::npos);
  EXPECT_EQ(peer.rest(), "");
  EXPECT_TRUE(peer.ended_orderly());
}

}  // namespace
}  // namespace slipway::http
