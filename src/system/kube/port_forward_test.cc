// Forwarded connections against an API server that is a script.
#include "system/kube/port_forward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/http/testing/raw_client.h"
#include "system/http/testing/web_socket_peer.h"

namespace slipway::kube {
namespace {

using http::testing::RawClient;
using http::testing::WebSocketPeer;
using ::testing::HasSubstr;

using namespace std::string_literals;

constexpr const char* kProtocol = "v4.channel.k8s.io";

// Both channels begin with the port: 8080, the low byte first.
void begin(WebSocketPeer::Talk& talk) {
  talk.send_frame(0x82, "\x00\x90\x1F"s);
  talk.send_frame(0x82, "\x01\x90\x1F"s);
}

class Forwarding {
 public:
  explicit Forwarding(const std::string& server) {
    auto made = PortForward::start(
        {.context = "test", .server = server},
        []() -> Reply<PodPort> { return PodPort{.ns = "risk", .pod = "gateway-1", .port = 8080}; },
        {.linger_ms = 100, .on_error = [this](const ApiError& error) {
           const runtime::MutexLock lock(mutex_);
           errors_.push_back(error.error.message);
           told_.notify_all();
         }});
    EXPECT_TRUE(made);
    forward = std::move(*made);
  }
  std::string error() {
    const runtime::MutexLock lock(mutex_);
    while (errors_.empty()) told_.wait(mutex_);
    return errors_.front();
  }
  const http::Address& address() const { return forward->address(); }

 private:
  runtime::Mutex mutex_;
  runtime::CondVar told_;
  std::vector<std::string> errors_ SLIPWAY_GUARDED_BY(mutex_);

 public:
  std::unique_ptr<PortForward> forward;
};

TEST(PortForwardTest, CarriesBytesBothWaysUntilThePodEnds) {
  std::string asked;
  WebSocketPeer peer(kProtocol, [&](WebSocketPeer::Talk& talk) {
    begin(talk);
    asked = talk.receive().value_or(WebSocketPeer::Talk::Frame{}).payload;
    talk.send_frame(0x82, "\x00hel"s);
    talk.send_frame(0x82, "\x00lo"s);
    talk.send_frame(0x88, "\x03\xE8");
  });
  Forwarding forwarding(peer.url());
  RawClient client(forwarding.address());
  client.send("question");
  EXPECT_EQ(client.rest(), "hello");
  EXPECT_EQ(asked, "\x00question"s);
  EXPECT_THAT(peer.head(),
              HasSubstr("GET /api/v1/namespaces/risk/pods/gateway-1/portforward?ports=8080 HTTP/1.1\r\n"));
}

TEST(PortForwardTest, CarriesMoreThanTheLocalSideTakesAtOnce) {
  constexpr size_t kPieces = 200, kPiece = 30'000;
  WebSocketPeer peer(kProtocol, [&](WebSocketPeer::Talk& talk) {
    begin(talk);
    for (size_t i = 0; i < kPieces; ++i) talk.send_frame(0x82, "\x00"s + std::string(kPiece, 'x'));
    talk.send_frame(0x88, "\x03\xE8");
  });
  Forwarding forwarding(peer.url());
  RawClient client(forwarding.address());
  EXPECT_EQ(client.rest().size(), kPieces * kPiece);
}

TEST(PortForwardTest, WhoSaysNoMoreIsStillAnswered) {
  WebSocketPeer peer(kProtocol, [](WebSocketPeer::Talk& talk) {
    begin(talk);
    static_cast<void>(talk.receive());
    talk.send_frame(0x82, "\x00late"s);
    static_cast<void>(talk.receive());  // the goodbye, after the silence
  });
  Forwarding forwarding(peer.url());
  RawClient client(forwarding.address());
  client.send("question");
  client.half_close();
  EXPECT_EQ(client.rest(), "late");
}

TEST(PortForwardTest, SaysWhatThePodsMachineSays) {
  WebSocketPeer peer(kProtocol, [](WebSocketPeer::Talk& talk) {
    begin(talk);
    talk.send_frame(0x82, "\x01"s + "connection refused");
  });
  Forwarding forwarding(peer.url());
  RawClient client(forwarding.address());
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(forwarding.error(), "port 8080 of pod 'gateway-1' in 'risk': connection refused");
}

TEST(PortForwardTest, SaysWhyTheApiServerRefuses) {
  WebSocketPeer peer("", [](WebSocketPeer::Talk& talk) {
    static_cast<void>(talk.request());
    const std::string body =
        R"({"kind":"Status","status":"Failure","reason":"Forbidden","message":"pods is forbidden","code":403})";
    talk.send(fmt::format("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{}", body.size(), body));
  });
  Forwarding forwarding(peer.url());
  RawClient client(forwarding.address());
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(forwarding.error(), "pods is forbidden");
}

TEST(PortForwardTest, BytesOfAChannelThatNobodyOpenedEndIt) {
  WebSocketPeer peer(kProtocol, [](WebSocketPeer::Talk& talk) { talk.send_frame(0x82, "\x02x"s); });
  Forwarding forwarding(peer.url());
  RawClient client(forwarding.address());
  EXPECT_EQ(client.rest(), "");
  EXPECT_THAT(forwarding.error(), HasSubstr("a channel that was not opened"));
}

TEST(PortForwardTest, ItsEndEndsItsConnections) {
  WebSocketPeer peer(kProtocol, [](WebSocketPeer::Talk& talk) {
    begin(talk);
    talk.send_frame(0x82, "\x00hello"s);
    while (talk.receive()) continue;
  });
  Forwarding forwarding(peer.url());
  RawClient client(forwarding.address());
  EXPECT_EQ(client.receive(5), "hello");
  forwarding.forward.reset();
  EXPECT_EQ(client.rest(), "");
}

}  // namespace
}  // namespace slipway::kube
