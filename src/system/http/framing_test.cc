#include <gtest/gtest.h>

#include "system/http/testing/test_server.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::body_of_answer;
using testing::ServerTest;
using testing::status_of_answer;

class FramingTest : public ServerTest {};

// What a client may not send, and the exact answer to each.
TEST_F(FramingTest, RefusesWhatTwoReadersCouldReadDifferently) {
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
      {"a NUL", std::string("GET /hello HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 38), 400},
      {"two spaces", "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a space in the target", "GET /hel lo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no version", "GET /hello\r\nHost: a\r\n\r\n", 400},
      {"HTTP/0.9", "GET /hello HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"HTTP/2.0", "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.2", "GET /hello HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"a method that is none", "G\x01T /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no host", "GET /hello HTTP/1.1\r\n\r\n", 400},
      {"an empty host", "GET /hello HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"a host with a space", "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"a host with a path", "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a method that nobody knows", "BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501},
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
      {"a path that is in the query", "GET http://a?x=/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
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

TEST_F(FramingTest, AnswersWhatTheStandardAllows) {
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

TEST_F(FramingTest, GivesTheSameWhereverTheBytesAreCut) {
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

TEST_F(FramingTest, SeesABareCrThatEndsAPiece) {
  start();
  auto peer = client();
  peer.send("GET /hello HTTP/1.1\r\nHost: a\r");
  EXPECT_EQ(peer.receive(1, 1), "");
  peer.send("X: b\r\n\r\n");
  EXPECT_EQ(status_of_answer(peer.answer()), 400);
}

TEST_F(FramingTest, SaysContinueOnlyWhenTheBodyIsWanted) {
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

TEST_F(FramingTest, HeadHasTheLengthAndNoBody) {
  start();
  auto peer = client();
  peer.send("HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answer = peer.rest();
  EXPECT_NE(answer.find("content-length: 5"), std::string::npos);
  EXPECT_EQ(body_of_answer(answer), "");
}

TEST_F(FramingTest, SaysWhatAPathTakes) {
  start();
  const std::string answer = ask("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of_answer(answer), 405);
  EXPECT_NE(answer.find("allow: GET"), std::string::npos);
  EXPECT_EQ(status_of_answer(ask("GET /models/a%zz/parts/b HTTP/1.1\r\nHost: a\r\n\r\n")), 400);
}

TEST_F(FramingTest, KeepsAnOldClientsConnectionOnlyWhenItAsks) {
  start();
  auto peer = client();
  peer.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(peer.answer().find("connection: keep-alive"), std::string::npos);
  peer.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_NE(peer.answer().find("connection: close"), std::string::npos);
  EXPECT_TRUE(peer.closed());
}

}  // namespace
}  // namespace slipway::http
