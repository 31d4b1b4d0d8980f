// A server that is a script: the test holds the other end of each connection, steps the loop, and reads what
// the caller was told as one line.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "system/http/upstream.h"
#include "system/os/descriptor.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::http::testing {

using namespace std::chrono_literals;

class TellingCaller final : public UpstreamCaller {
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

inline std::string fault(UpstreamFault what) { return fmt::format("fault {};", static_cast<int>(what)); }

class UpstreamTest : public ::testing::Test {
 protected:
  UpstreamTest() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    address_ = {.kind = Address::Kind::kUnix, .path = folder_ + "/up.sock"};
    listener_ = os::Descriptor(*listen_on(address_));
  }
  ~UpstreamTest() override {
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
  TellingCaller caller_;
  Upstreams upstreams_{loop_, {.head_bytes = 4096}};
};

}  // namespace slipway::http::testing
