// One thread plays both sides: the loop is stepped, and the other end of the socket is a script.
#include "system/http/upstream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "system/http/internal/upstream_connection.h"
#include "system/os/descriptor.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;

class Caller final : public UpstreamCaller {
 public:
  void on_continue() override { said += "continue;"; }
  void on_room() override { said += "room;"; }
  void on_answer(const UpstreamAnswer& answer) override {
    said += fmt::format("{}{}:", answer.status, answer.complete ? "" : "…");
    for (const base::Header& header : answer.headers)
      if (header.name == "x") said += fmt::format("x={}:", header.value);
    said += answer.body;
    said += ';';
    bytes += answer.body.size();
  }
  void on_piece(std::string_view piece, bool last) override {
    bytes += piece.size();
    if (piece.size() < 100) said += fmt::format("+{}{};", piece, last ? "." : "");
  }
  void on_fault(UpstreamFault fault) override { said += fmt::format("fault {};", static_cast<int>(fault)); }

  std::string said;
  size_t bytes = 0;
};

std::string fault(UpstreamFault what) { return fmt::format("fault {};", static_cast<int>(what)); }

class Upstream : public testing::Test {
 protected:
  Upstream() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    address_ = {.kind = Address::Kind::kUnix, .path = folder_ + "/up.sock"};
    listener_ = os::Descriptor(*listen_on(address_));
  }
  ~Upstream() override {
    ::unlink(address_.path.c_str());
    ::rmdir(folder_.c_str());
  }

  UpstreamRequest get(std::string_view target = "/a") {
    return {.target = target, .host = "h", .request_id = "id-1", .deadline = loop_.now() + 10s};
  }
  UpstreamCall* send(const UpstreamRequest& request) { return upstreams_.send(address_, request, caller_); }
  void step() {
    for (int i = 0; i < 3; ++i) loop_.step(0ms);
  }
  os::Descriptor accept() {
    os::Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    EXPECT_TRUE(peer.valid());
    return peer;
  }
  static std::string received(const os::Descriptor& peer) {
    std::string out(1 << 20, '\0');
    const ssize_t got = ::recv(peer.get(), out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return out;
  }
  void answer(const os::Descriptor& peer, std::string_view bytes) {
    EXPECT_EQ(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    step();
  }
  std::string said() { return std::exchange(caller_.said, ""); }

  std::string folder_ = "/tmp/slipway-upstream-XXXXXX";
  Address address_;
  os::Descriptor listener_;
  runtime::testing::ManualClock clock_;
  runtime::EventLoop loop_{clock_};
  Caller caller_;
  Upstreams upstreams_{loop_, {.head_bytes = 4096}};
};

TEST_F(Upstream, ARequestIsRebuiltFromItsPartsAndTheConnectionIsUsedAgain) {
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

TEST_F(Upstream, ABodyGoesOutWithItsHead) {
  UpstreamRequest request = get();
  request.method = base::Method::kPost;
  request.body = "{}";
  ASSERT_TRUE(send(request));
  const auto peer = accept();
  EXPECT_TRUE(received(peer).ends_with("content-length: 2\r\n\r\n{}"));
}

TEST_F(Upstream, AnAnswerMayComeInAnyPieces) {
  const std::string whole =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 5\r\n\r\nhello";
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  for (char c : whole) answer(peer, {&c, 1});
  EXPECT_EQ(said(), "continue;200…:x=y:;+h;+e;+l;+l;+o.;");
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(Upstream, AChunkedAnswerComesWithoutItsFraming) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n");
  EXPECT_EQ(said(), "200…:abc;");
  answer(peer, "2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(said(), "+de.;");
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(Upstream, AnAnswerWithoutALengthEndsWithItsConnection) {
  ASSERT_TRUE(send(get()));
  auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\n\r\nabc");
  peer.close();
  step();
  EXPECT_EQ(said(), "200…:abc;+.;");
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(Upstream, AHeadAnswerHasNoBodyWhateverItSays) {
  UpstreamRequest request = get();
  request.method = base::Method::kHead;
  ASSERT_TRUE(send(request));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n");
  EXPECT_EQ(said(), "200:;");
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(Upstream, NobodyThereIsRefusedAtOnce) {
  listener_.close();
  EXPECT_EQ(send(get()), nullptr);
  ::unlink(address_.path.c_str());
  EXPECT_EQ(send(get()), nullptr);
  EXPECT_EQ(said(), "");
}

TEST_F(Upstream, AConnectionThatWasClosedWhileItWasKeptIsForgotten) {
  ASSERT_TRUE(send(get()));
  auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  EXPECT_EQ(upstreams_.idle(), 1u);
  peer.close();
  step();
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(Upstream, GoneBeforeAnAnswerIsToldFromGoneInItsMiddle) {
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

TEST_F(Upstream, WhatIsNotHttpOrTooLargeIsMalformed) {
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

TEST_F(Upstream, MoreThanTheAnswerIsNotKept) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n");
  EXPECT_EQ(said(), "200:hi;");
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(Upstream, TheDeadlineEndsACall) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  clock_.advance(9s);
  step();
  EXPECT_EQ(said(), "");
  clock_.advance(1s);
  step();
  EXPECT_EQ(said(), fault(UpstreamFault::kTimeout));
}

TEST_F(Upstream, WhatIsKeptTooLongIsClosed) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  clock_.advance(31s);
  step();
  EXPECT_EQ(upstreams_.idle(), 0u);
}

TEST_F(Upstream, AStreamedBodyWaitsForRoomAndIsSentWhole) {
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

TEST_F(Upstream, AnAnswerBeforeTheBodyIsSentEndsTheConnection) {
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

TEST_F(Upstream, APausedAnswerIsNotReadFrom) {
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

TEST_F(Upstream, APeerThatGoesWhileItsAnswerIsPausedCostsNoRounds) {
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

TEST_F(Upstream, ACallWhosePeerHasGoneWhileItWasPausedCanBeCancelled) {
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

TEST_F(Upstream, ACancelledCallTellsNothingMoreAndClosesItsConnection) {
  UpstreamCall* call = send(get());
  const auto peer = accept();
  received(peer);
  call->cancel();
  char byte = 0;
  EXPECT_EQ(::recv(peer.get(), &byte, 1, 0), 0);
  step();
  EXPECT_EQ(said(), "");
}

TEST_F(Upstream, ANewConnectionCanBeAskedFor) {
  ASSERT_TRUE(send(get()));
  const auto peer = accept();
  answer(peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  said();
  UpstreamCall* call = upstreams_.send(address_, get(), caller_, Upstreams::Reuse::kForbidden);
  EXPECT_FALSE(call->is_reused());
  EXPECT_EQ(upstreams_.idle(), 1u);
}

TEST_F(Upstream, NothingIsKeptToAnAddressThatIsForgotten) {
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

TEST_F(Upstream, ItConnectsOverTcpOfBothKinds) {
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

TEST_F(Upstream, APeerThatDoesNotTakeTheConnectionIsNotThere) {
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

TEST(HopByHop, FramingAndConnectionHeadersDoNotTravel) {
  for (const char* name : {"te", "trailer", "upgrade", "connection", "keep-alive", "content-length", "expect",
                           "proxy-connection", "transfer-encoding"})
    EXPECT_TRUE(is_hop_by_hop(name)) << name;
  for (const char* name : {"", "host", "accept", "content-type", "slipway-revision"})
    EXPECT_FALSE(is_hop_by_hop(name)) << name;
}

}  // namespace
}  // namespace slipway::http
