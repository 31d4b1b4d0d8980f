// Bodies and answers in pieces, one side slower than the other; and the ways that a call ends before its
// time.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "system/http/testing/scripted_upstream.h"

namespace slipway::http {
namespace {

using testing::fault;
using testing::UpstreamTest;
using namespace std::chrono_literals;

TEST_F(UpstreamTest, AStreamedBodyWaitsForRoomAndIsSentWhole) {
  UpstreamRequest request = get();
  request.method = base::Method::kPost;
  request.streamed = uint64_t{8} << 20;
  request.expects_continue = true;
  UpstreamCall* call = send(request);
  const auto peer = accept();
  EXPECT_TRUE(received(peer).find("expect: 100-continue") != std::string::npos);
  answer(peer, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(said(), "continue;");
  const std::string piece(64 << 10, 'x');
  size_t sent = 0, got = 0;
  for (int i = 0; i < 128; ++i) {
    sent += piece.size();
    if (call->write(piece, i == 127)) continue;
    for (int round = 0; round < 100 && caller_.said.empty(); ++round) {
      got += received(peer).size();
      step();
    }
    EXPECT_EQ(said(), "room;") << i;
  }
  for (int round = 0; round < 100 && got < sent; ++round) {
    got += received(peer).size();
    step();
  }
  EXPECT_EQ(got, sent);
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  EXPECT_EQ(said(), "200:ok;");
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(UpstreamTest, AnAnswerBeforeTheBodyIsSentEndsTheConnection) {
  UpstreamRequest request = get();
  request.method = base::Method::kPost;
  request.streamed = 100;
  UpstreamCall* call = send(request);
  const auto peer = accept();
  call->write("abc", false);
  answer(peer, "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(said(), "413:;");
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(UpstreamTest, APausedAnswerIsNotReadFrom) {
  ASSERT_TRUE(send(get()));
  UpstreamCall* call = nullptr;
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc");
  EXPECT_EQ(said(), "200…:abc;");
  UpstreamRequest second = get();
  call = send(second);
  const auto other = accept();
  answer(other, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc");
  EXPECT_EQ(said(), "200…:abc;");
  call->pause();
  answer(other, "def");
  EXPECT_EQ(said(), "");
  call->resume();
  step();
  EXPECT_EQ(said(), "+def.;");
}

TEST_F(UpstreamTest, APeerThatGoesWhileItsAnswerIsPausedCostsNoRounds) {
  UpstreamCall* call = send(get());
  auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc");
  EXPECT_EQ(said(), "200…:abc;");
  call->pause();
  answer(peer, "def");
  peer.close();
  step();
  // A loop with nothing to hear of waits as long as it is told to.
  const auto start = std::chrono::steady_clock::now();
  loop_.step(5ms);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 4ms);
  EXPECT_EQ(said(), "");
  call->resume();
  step();
  EXPECT_EQ(said(), "+def.;");
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(UpstreamTest, ACallWhosePeerHasGoneWhileItWasPausedCanBeCancelled) {
  UpstreamCall* call = send(get());
  {
    const auto peer = accept();
    answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc");
    call->pause();
  }
  step();
  call->cancel();
  step();
  EXPECT_EQ(said(), "200…:abc;");
}

TEST_F(UpstreamTest, ACancelledCallTellsNothingMoreAndClosesItsConnection) {
  UpstreamCall* call = send(get());
  const auto peer = accept();
  received(peer);
  call->cancel();
  char byte = 0;
  EXPECT_EQ(::recv(peer.get(), &byte, 1, 0), 0);
  step();
  EXPECT_EQ(said(), "");
}

TEST_F(UpstreamTest, ItConnectsOverTcpOfBothKinds) {
  for (const char* text : {"127.0.0.1:0", "[::1]:0"}) {
    const auto listening = listen_on(*parse_address(text));
    if (!listening) continue;  // a machine without IPv6
    listener_ = os::Descriptor(*listening);
    address_ = *bound_address(listener_.get());
    ASSERT_TRUE(send(get())) << text;
    step();
    const auto peer = accept();
    EXPECT_TRUE(received(peer).starts_with("GET /a ")) << text;
    answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    EXPECT_EQ(said(), "200:hi;");
  }
  ::unlink((folder_ + "/up.sock").c_str());
}

TEST_F(UpstreamTest, APeerThatDoesNotTakeTheConnectionIsNotThere) {
  os::Descriptor full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  ASSERT_EQ(::bind(full.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  ASSERT_EQ(::listen(full.get(), 0), 0);
  const Address address = *bound_address(full.get());
  const os::Descriptor first(*connect_to(address, 1000));  // all that its queue holds
  ASSERT_TRUE(upstreams_.send(address, get(), caller_));
  step();
  clock_.advance(999ms);
  step();
  EXPECT_EQ(said(), "");
  clock_.advance(1ms);
  step();
  EXPECT_EQ(said(), fault(UpstreamFault::kRefused));
}

}  // namespace
}  // namespace slipway::http
