// Requests and their answers, and what becomes of a connection after them.
#include "system/http/upstream.h"

#include <gtest/gtest.h>

#include "system/http/testing/scripted_upstream.h"

namespace slipway::http {
namespace {

using testing::fault;
using testing::UpstreamTest;
using namespace std::chrono_literals;

TEST_F(UpstreamTest, ARequestIsRebuiltFromItsPartsAndTheConnectionIsUsedAgain) {
  const base::Header headers[] = {
      {"accept", "*/*"},          {"connection", "close, X-Mine"}, {"x-mine", "1"},
      {"transfer-encoding", "x"}, {"x-request-id", "theirs"},      {"te", "gzip"}};
  UpstreamRequest request = get();
  request.headers = headers;
  ASSERT_TRUE(send(request));
  const auto peer = accept();
  EXPECT_EQ(received(peer), "GET /a HTTP/1.1\r\nhost: h\r\naccept: */*\r\nx-request-id: id-1\r\n\r\n");
  answer(peer, "HTTP/1.1 200 OK\r\nX: 1\r\ncontent-length: 2\r\n\r\nhi");
  EXPECT_EQ(said(), "200:x=1:hi;");
  EXPECT_EQ(upstreams_.idle(), 1u);
  UpstreamCall* again = send(get("/b"));
  EXPECT_TRUE(again->is_reused());
  EXPECT_TRUE(received(peer).starts_with("GET /b "));
  answer(peer, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(said(), "204:;");
}

TEST_F(UpstreamTest, ABodyGoesOutWithItsHead) {
  UpstreamRequest request = get();
  request.method = base::Method::kPost;
  request.body = "{}";
  ASSERT_TRUE(send(request));
  const auto peer = accept();
  EXPECT_TRUE(received(peer).ends_with("content-length: 2\r\n\r\n{}"));
}

TEST_F(UpstreamTest, AnAnswerMayComeInAnyPieces) {
  const std::string whole =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 5\r\n\r\nhello";
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  for (char c : whole) answer(peer, {&c, 1});
  EXPECT_EQ(said(), "continue;200…:x=y:;+h;+e;+l;+l;+o.;");
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(UpstreamTest, AChunkedAnswerComesWithoutItsFraming) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_EQ(said(), "200…:abc;");
  answer(peer, "2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(said(), "+de.;");
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(UpstreamTest, AnAnswerWithoutALengthEndsWithItsConnection) {
  ASSERT_TRUE(send(get()));
  auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\n\r\nabc");
  peer.close();
  step();
  EXPECT_EQ(said(), "200…:abc;+.;");
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(UpstreamTest, AHeadAnswerHasNoBodyWhateverItSays) {
  UpstreamRequest request = get();
  request.method = base::Method::kHead;
  ASSERT_TRUE(send(request));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n");
  EXPECT_EQ(said(), "200:;");
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(UpstreamTest, NobodyThereIsRefusedAtOnce) {
  listener_.close();
  EXPECT_EQ(send(get()), nullptr);
  ::unlink(address_.path.c_str());
  EXPECT_EQ(send(get()), nullptr);
  EXPECT_EQ(said(), "");
}

TEST_F(UpstreamTest, AConnectionThatWasClosedWhileItWasKeptIsForgotten) {
  ASSERT_TRUE(send(get()));
  auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(upstreams_.idle(), 1u);
  peer.close();
  step();
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(UpstreamTest, GoneBeforeAnAnswerIsToldFromGoneInItsMiddle) {
  ASSERT_TRUE(send(get()));
  accept().close();
  step();
  EXPECT_EQ(said(), fault(UpstreamFault::kBroken));
  ASSERT_TRUE(send(get()));
  {
    const auto peer = accept();
    answer(peer, "HTTP/1.1 200");
  }
  step();
  EXPECT_EQ(said(), fault(UpstreamFault::kCut));
  ASSERT_TRUE(send(get()));
  {
    const auto peer = accept();
    answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc");
  }
  step();
  EXPECT_EQ(said(), "200…:abc;" + fault(UpstreamFault::kCut));
}

TEST_F(UpstreamTest, WhatIsNotHttpOrTooLargeIsMalformed) {
  for (const std::string& bad :
       {std::string("SSH-2.0-hello\r\n\r\n"), "HTTP/1.1 200 OK\r\nx: " + std::string(4096, 'a'),
        std::string("HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n")}) {
    ASSERT_TRUE(send(get()));
    const auto peer = accept();
    answer(peer, bad);
    EXPECT_EQ(said(), fault(UpstreamFault::kMalformed)) << bad.substr(0, 40);
  }
}

TEST_F(UpstreamTest, MoreThanTheAnswerIsNotKept) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n");
  EXPECT_EQ(said(), "200:hi;");
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(UpstreamTest, TheDeadlineEndsACall) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  clock_.advance(9s);
  step();
  EXPECT_EQ(said(), "");
  clock_.advance(1s);
  step();
  EXPECT_EQ(said(), fault(UpstreamFault::kTimeout));
}

TEST_F(UpstreamTest, WhatIsKeptTooLongIsClosed) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  clock_.advance(31s);
  step();
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(UpstreamTest, ANewConnectionCanBeAskedFor) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  said();
  UpstreamCall* call = upstreams_.send(address_, get(), caller_, Upstreams::Reuse::kForbidden);
  EXPECT_FALSE(call->is_reused());
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(UpstreamTest, NothingIsKeptToAnAddressThatIsForgotten) {
  ASSERT_TRUE(send(get()));
  const auto kept = accept();
  answer(kept, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  ASSERT_TRUE(upstreams_.send(address_, get(), caller_, Upstreams::Reuse::kForbidden));
  const auto under_way = accept();
  EXPECT_EQ(upstreams_.idle(), 1u);
  upstreams_.forget(address_);
  EXPECT_EQ(upstreams_.idle(), 0u);
  said();
  answer(under_way, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  EXPECT_EQ(said(), "200:ok;");
  EXPECT_EQ(upstreams_.idle(), 0u);
  upstreams_.forget(address_);
}

TEST(HopByHop, FramingAndConnectionHeadersDoNotTravel) {
  for (const char* name : {"te", "trailer", "upgrade", "connection", "keep-alive", "content-length", "expect",
                           "proxy-connection", "transfer-encoding"})
    EXPECT_TRUE(is_hop_by_hop(name)) << name;
  for (const char* name : {"", "host", "accept", "content-type", "slipway-revision"})
    EXPECT_FALSE(is_hop_by_hop(name)) << name;
}

}  // namespace
}  // namespace slipway::http
