// The server's end of one WebSocket, which does what a test tells it, on a thread of its own.
//
//   WebSocketPeer peer([](WebSocketPeer::Talk& talk) { talk.send_frame(0x82, talk.receive()); });
//   WebSocket socket(*parse_url(peer.url()), {});
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "system/os/descriptor.h"

namespace slipway::http::testing {

class WebSocketPeer {
 public:
  // What the peer does on its thread. Blocks, for five seconds at most each time.
  class Talk {
   public:
    explicit Talk(int fd) : fd_(fd) {}
    std::string request() { return through("\r\n\r\n"); }  // the head of the client's request
    void agree(std::string_view head, std::string_view protocol, std::string_view behind = "");
    void send(std::string_view bytes) const;
    void send_frame(uint8_t first, std::string_view payload) const;  // a small one: 0x82 is a whole message
    // The next frame of the client, unmasked; nothing when it has gone or sent what is no client's frame.
    struct Frame {
      uint8_t first = 0;
      std::string payload;
    };
    std::optional<Frame> receive();
    int descriptor() const { return fd_; }

   private:
    bool more();
    std::string through(std::string_view end);

    const int fd_;
    std::string held_;
  };

  // For one client; `protocol` is agreed to before `then`. Without a protocol `then` does all of it.
  WebSocketPeer(std::string protocol, std::function<void(Talk&)> then);
  ~WebSocketPeer();  // waits for the thread

  std::string url() const { return url_; }
  const std::string& head();  // of the client's request; the peer must have ended

 private:
  os::Descriptor listener_;
  std::string url_, head_;
  std::thread thread_;
};

}  // namespace slipway::http::testing
