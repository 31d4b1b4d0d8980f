// WebSockets from the client's side: frames by themselves, and a socket against a peer that misbehaves.
#include "system/http/web_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "system/http/internal/web_socket_frames.h"
#include "system/http/testing/web_socket_peer.h"

namespace slipway::http {
namespace {

using internal::client_frame;
using internal::FrameReader;
using internal::Message;
using internal::Opcode;
using ::testing::HasSubstr;
using testing::WebSocketPeer;

using namespace std::string_literals;

std::vector<Message> read_all(FrameReader& reader, std::string_view bytes, size_t at_once) {
  std::vector<Message> out;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, at_once));
    bytes.remove_prefix(std::min(at_once, bytes.size()));
    while (auto message = reader.next()) out.push_back(std::move(*message));
  }
  return out;
}

std::string fault_of(std::string_view bytes) {
  FrameReader reader(100);
  read_all(reader, bytes, bytes.size());
  return reader.fault() ? reader.fault()->message : "";
}

TEST(FrameReaderTest, GivesWholeMessagesHoweverTheirBytesCome) {
  const std::string long_one(70'000, 'x');
  const std::string bytes = "\x82\x05hello"s + "\x81\x00"s + "\x02\x02he\x89\x01p\x80\x03llo"s + "\x82\x7F"s +
                            "\x00\x00\x00\x00\x00\x01\x11\x70"s + long_one;
  for (const size_t at_once : {size_t{1}, size_t{7}, bytes.size()}) {
    FrameReader reader(100'000);
    EXPECT_THAT(read_all(reader, bytes, at_once),
                ::testing::ElementsAre(Message{Opcode::kBinary, "hello"}, Message{Opcode::kText, ""},
                                       Message{Opcode::kPing, "p"}, Message{Opcode::kBinary, "hello"},
                                       Message{Opcode::kBinary, long_one}))
        << at_once;
    EXPECT_FALSE(reader.fault());
  }
}

TEST(FrameReaderTest, HoldsTheServerToTheRules) {
  EXPECT_THAT(fault_of("\x82\x81"s), HasSubstr("masked"));
  EXPECT_THAT(fault_of("\xC2\x01x"s), HasSubstr("extension"));
  EXPECT_THAT(fault_of("\x83\x01x"s), HasSubstr("unknown kind"));
  EXPECT_THAT(fault_of("\x80\x01x"s), HasSubstr("out of order"));
  EXPECT_THAT(fault_of("\x02\x01x\x82\x01y"s), HasSubstr("out of order"));
  EXPECT_THAT(fault_of("\x09\x01x"s), HasSubstr("control frame"));
  EXPECT_THAT(fault_of("\x89\x7E\x00\x80"s), HasSubstr("control frame"));
}

TEST(FrameReaderTest, RefusesWhatIsTooLargeBeforeItComes) {
  EXPECT_EQ(fault_of("\x82\x64"s), "");
  EXPECT_THAT(fault_of("\x82\x65"s), HasSubstr("more than 100 bytes"));
  EXPECT_THAT(fault_of("\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s), HasSubstr("more than 100 bytes"));
  EXPECT_THAT(fault_of("\x02\x40"s + std::string(64, 'x') + "\x80\x40"s), HasSubstr("more than 100 bytes"));
}

TEST(ClientFrameTest, IsMaskedWithTheLengthThatItNeeds) {
  EXPECT_EQ(client_frame(Opcode::kBinary, "ab", {1, 2, 3, 4}), "\x82\x82\x01\x02\x03\x04\x60\x60"s);
  EXPECT_EQ(client_frame(Opcode::kBinary, std::string(126, 'x'), {}).substr(0, 4), "\x82\xFE\x00\x7E"s);
  EXPECT_EQ(client_frame(Opcode::kBinary, std::string(65'536, 'x'), {}).substr(0, 10),
            "\x82\xFF\x00\x00\x00\x00\x00\x01\x00\x00"s);
}

// The next message, waited for.
Result<std::optional<std::string>> await(WebSocket& socket) {
  while (socket.is_open()) {
    auto got = socket.receive();
    if (!got || *got || !socket.is_open()) return got;
    pollfd wait{.fd = socket.descriptor(), .events = socket.events(), .revents = 0};
    if (::poll(&wait, 1, 5000) != 1) break;
    if (auto flushed = socket.flush(); !flushed) return fail(flushed.error());
  }
  return std::nullopt;
}

TEST(WebSocketTest, CarriesMessagesBothWaysAndSeesTheGoodbye) {
  WebSocketPeer peer("echo", [](WebSocketPeer::Talk& talk) {
    while (const auto frame = talk.receive()) {
      if (frame->payload == "end") return talk.send_frame(0x88, "\x03\xE8");
      talk.send_frame(0x82, frame->payload + "!");
    }
  });
  WebSocket socket(*parse_url(peer.url()), {});
  const auto answer = socket.open({.target = "/a?b=c"}, "echo");
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(socket.is_open());
  for (const std::string& text : {"one"s, ""s, std::string(50'000, 'x')}) {
    ASSERT_TRUE(socket.send(text));
    EXPECT_EQ(*await(socket), text + "!");
  }
  ASSERT_TRUE(socket.send("end"));
  EXPECT_EQ(*await(socket), std::nullopt);
  EXPECT_FALSE(socket.is_open());
  EXPECT_THAT(peer.head(), HasSubstr("GET /a?b=c HTTP/1.1\r\n"));
  EXPECT_THAT(peer.head(), HasSubstr("sec-websocket-protocol: echo\r\n"));
}

TEST(WebSocketTest, KeepsWhatCameTogetherWithTheAgreement) {
  WebSocketPeer peer("", [](WebSocketPeer::Talk& talk) {
    talk.agree(talk.request(), "echo", "\x82\x02hi");
    static_cast<void>(talk.receive());
  });
  WebSocket socket(*parse_url(peer.url()), {});
  ASSERT_TRUE(socket.open({}, "echo"));
  EXPECT_EQ(*await(socket), "hi");
}

TEST(WebSocketTest, AnswersPings) {
  std::optional<WebSocketPeer::Talk::Frame> pong;
  {
    WebSocketPeer peer("echo", [&](WebSocketPeer::Talk& talk) {
      talk.send_frame(0x89, "are you there");
      pong = talk.receive();
      talk.send_frame(0x82, "good");
    });
    WebSocket socket(*parse_url(peer.url()), {});
    ASSERT_TRUE(socket.open({}, "echo"));
    EXPECT_EQ(*await(socket), "good");
  }
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->first, 0x8A);
  EXPECT_EQ(pong->payload, "are you there");
}

TEST(WebSocketTest, GivesTheAnswerOfAServerThatRefuses) {
  WebSocketPeer peer("", [](WebSocketPeer::Talk& talk) {
    static_cast<void>(talk.request());
    talk.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\n");
    talk.send("nope");
  });
  WebSocket socket(*parse_url(peer.url()), {});
  const auto answer = socket.open({}, "echo");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(answer->body, "nope");
  EXPECT_FALSE(socket.is_open());
}

TEST(WebSocketTest, DoesNotTakeAnotherProtocolOrAWrongKey) {
  for (const bool wrong_key : {false, true}) {
    WebSocketPeer peer("", [&](WebSocketPeer::Talk& talk) {
      const std::string head = talk.request();
      talk.agree(wrong_key ? "sec-websocket-key: x\r\n" : head, wrong_key ? "echo" : "other");
    });
    WebSocket socket(*parse_url(peer.url()), {});
    const auto answer = socket.open({}, "echo");
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().message, HasSubstr("does not agree to speak echo"));
  }
}

TEST(WebSocketTest, SaysThatTheServerBrokeOff) {
  WebSocketPeer peer("echo", [](WebSocketPeer::Talk&) {});
  WebSocket socket(*parse_url(peer.url()), {});
  ASSERT_TRUE(socket.open({}, "echo"));
  const auto got = await(socket);
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("broke off without a goodbye"));
}

TEST(WebSocketTest, GivesUpOnAServerThatBreaksTheRules) {
  WebSocketPeer peer("echo", [](WebSocketPeer::Talk& talk) { talk.send_frame(0x83, "x"); });
  WebSocket socket(*parse_url(peer.url()), {});
  ASSERT_TRUE(socket.open({}, "echo"));
  const auto got = await(socket);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kInvalid);
  EXPECT_FALSE(socket.is_open());
}

TEST(WebSocketTest, AnInterruptEndsIt) {
  WebSocketPeer peer("echo", [](WebSocketPeer::Talk& talk) { static_cast<void>(talk.receive()); });
  WebSocket socket(*parse_url(peer.url()), {});
  ASSERT_TRUE(socket.open({}, "echo"));
  socket.interrupt();
  const auto got = await(socket);
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("interrupted"));
}

}  // namespace
}  // namespace slipway::http
