#include "system/http/testing/web_socket_peer.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "system/http/address.h"

namespace slipway::http::testing {
namespace {

constexpr int kPatience = 5000;

bool wait_for(int fd) {
  pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&wait, 1, kPatience) == 1;
}

std::string header(std::string_view head, std::string_view name) {
  const size_t at = head.find(name);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = head.substr(at + name.size());
  return std::string(rest.substr(0, rest.find("\r\n")));
}

std::string accept_of(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, 20> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  std::array<unsigned char, 29> out{};
  EVP_EncodeBlock(out.data(), digest.data(), digest.size());
  return reinterpret_cast<const char*>(out.data());
}

}  // namespace

bool WebSocketPeer::Talk::more() {
  std::array<char, 65536> bytes;
  if (!wait_for(fd_)) return false;
  const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
  if (got > 0) held_.append(bytes.data(), static_cast<size_t>(got));
  return got > 0;
}

std::string WebSocketPeer::Talk::through(std::string_view end) {
  size_t at = 0;
  while ((at = held_.find(end)) == std::string::npos)
    if (!more()) return "";
  std::string out = held_.substr(0, at + end.size());
  held_.erase(0, out.size());
  return out;
}

void WebSocketPeer::Talk::agree(std::string_view head, std::string_view protocol, std::string_view behind) {
  send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: " +
      accept_of(header(head, "sec-websocket-key: ")) +
      "\r\nSec-WebSocket-Protocol: " + std::string(protocol) + "\r\n\r\n" + std::string(behind));
}

void WebSocketPeer::Talk::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

void WebSocketPeer::Talk::send_frame(uint8_t first, std::string_view payload) const {
  std::string frame(1, static_cast<char>(first));
  if (payload.size() < 126) {
    frame += static_cast<char>(payload.size());
  } else {
    frame += static_cast<char>(126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size());
  }
  send(frame + std::string(payload));
}

std::optional<WebSocketPeer::Talk::Frame> WebSocketPeer::Talk::receive() {
  const auto byte = [this](size_t i) { return static_cast<uint8_t>(held_[i]); };
  while (held_.size() < 2)
    if (!more()) return std::nullopt;
  size_t size = byte(1) & 0x7F, at = 2;
  if ((byte(1) & 0x80) == 0 || size == 127) return std::nullopt;
  if (size == 126) {
    while (held_.size() < 4)
      if (!more()) return std::nullopt;
    size = static_cast<size_t>(byte(2)) << 8 | byte(3);
    at = 4;
  }
  while (held_.size() < at + 4 + size)
    if (!more()) return std::nullopt;
  Frame out{.first = byte(0), .payload = {}};
  for (size_t i = 0; i < size; ++i) out.payload += static_cast<char>(byte(at + 4 + i) ^ byte(at + i % 4));
  held_.erase(0, at + 4 + size);
  return out;
}

WebSocketPeer::WebSocketPeer(std::string protocol, std::function<void(Talk&)> then) {
  const auto listener = listen_on({.host = "127.0.0.1", .port = 0});
  EXPECT_TRUE(listener);
  listener_ = os::Descriptor(listener.value_or(-1));
  url_ = "http://" + bound_address(listener_.get())->str();
  thread_ = std::thread([this, protocol = std::move(protocol), then = std::move(then)] {
    if (!wait_for(listener_.get())) return;
    const os::Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    Talk talk(client.get());
    if (!protocol.empty()) talk.agree(head_ = talk.request(), protocol);
    then(talk);
  });
}

WebSocketPeer::~WebSocketPeer() {
  if (thread_.joinable()) thread_.join();
}

const std::string& WebSocketPeer::head() {
  if (thread_.joinable()) thread_.join();
  return head_;
}

}  // namespace slipway::http::testing
