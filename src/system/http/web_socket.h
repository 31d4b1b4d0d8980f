// A WebSocket (RFC 6455), the client's side, plain or over TLS: messages of bytes both ways over one
// connection. Only open() waits; who uses the rest polls descriptor() for events().
//
//   WebSocket socket(url, options);
//   auto answer = socket.open({.target = "/echo"}, "echo.v1");
//   if (!answer || !socket.is_open()) return …;   // the answer says why
//   socket.send("hello");
//   while (…) { poll; auto got = socket.receive(); … }
//
// Pings are answered. Threads: interrupt() from any; everything else from one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "system/http/client.h"

namespace slipway::http {

class WebSocket {
 public:
  struct Limits {
    size_t message = 1 << 20;  // that comes: kTooLarge beyond
    size_t unsent = 1 << 20;   // bytes that wait to be sent before wants_more() says no
  };
  WebSocket(Url url, ClientOptions options) : WebSocket(std::move(url), std::move(options), Limits{}) {}
  WebSocket(Url url, ClientOptions options, Limits limits);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // A GET that asks for the protocol. The server's answer: when it agreed the socket is open, else the answer
  // is whole (its body up to 64 KiB). kInvalid: it agreed to something else. Once only.
  Result<Response> open(const Request& request, std::string_view protocol);
  bool is_open() const;  // until the end was seen or close() was called

  // The next message, if one has come; nothing when none has, or when the server closed: is_open() tells.
  // kUnavailable when the connection broke off, kInvalid and kTooLarge when the server breaks the rules.
  Result<std::optional<std::string>> receive();
  // Takes the message as a whole and sends what goes at once; flush() sends on.
  Status send(std::string_view message);
  Status flush();
  bool wants_more() const;  // whether little enough waits to be sent
  void close();             // says goodbye if that goes at once

  int descriptor() const;
  short events() const;  // POLLIN, and POLLOUT while something waits to be sent
  void interrupt();      // ends what waits now and all that comes later with kUnavailable

 private:
  class Talk;
  std::unique_ptr<Talk> talk_;
};

}  // namespace slipway::http
