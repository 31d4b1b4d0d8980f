// Any bytes as a server's answer to us: the same comes of them however they arrive, the call ends exactly
// once, and nothing is told that was not sent.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "system/http/upstream.h"
#include "system/os/descriptor.h"
#include "system/runtime/clock.h"

using namespace slipway;
using namespace std::chrono_literals;

namespace {

constexpr size_t kHeadBytes = 1024;  // small enough for inputs to come over it

class Caller final : public http::UpstreamCaller {
 public:
  void on_continue() override { check(!ended && status == 0); }
  void on_room() override { check(!ended); }
  void on_answer(const http::UpstreamAnswer& answer) override {
    check(!ended && status == 0 && answer.status >= 200);
    status = answer.status;
    for (const base::Header& header : answer.headers) text_bytes += header.name.size() + header.value.size();
    body += answer.body;
    ended = answer.complete;
  }
  void on_piece(std::string_view piece, bool last) override {
    check(!ended && status != 0);
    body += piece;
    ended = last;
  }
  void on_fault(http::UpstreamFault what) override {
    check(!ended);
    fault = static_cast<int>(what);
    ended = true;
  }
  static void check(bool holds) {
    if (!holds) std::abort();
  }

  int status = 0, fault = -1;
  bool ended = false;
  std::string body;
  size_t text_bytes = 0;
};

// One listener for the whole run, in a folder of this process alone.
struct Peer {
  Peer() {
    if (!::mkdtemp(folder.data())) std::abort();
    address = {.kind = http::Address::Kind::kUnix, .path = folder + "/s"};
    listener = os::Descriptor(*http::listen_on(address));
  }
  ~Peer() {
    ::unlink(address.path.c_str());
    ::rmdir(folder.c_str());
  }
  std::string folder = "/tmp/slipway-fuzz-XXXXXX";
  http::Address address;
  os::Descriptor listener;
};

Caller hear(std::string_view bytes, size_t step, base::Method method) {
  static const Peer peer;
  const runtime::RealClock clock;
  runtime::EventLoop loop(clock);
  http::Upstreams upstreams(loop, {.head_bytes = kHeadBytes, .headers = 20});
  Caller caller;
  if (!upstreams.send(peer.address, {.method = method, .target = "/", .host = "h", .request_id = "r"},
                      caller))
    std::abort();
  os::Descriptor socket(::accept4(peer.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  for (size_t at = 0; at < bytes.size() && !caller.ended; at += step) {
    const std::string_view piece = bytes.substr(at, step);
    if (::send(socket.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;
    loop.step(0ms);
  }
  socket.close();
  for (int i = 0; i < 20 && !caller.ended; ++i) loop.step(0ms);
  return caller;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2),
                               std::min<size_t>(size - 2, 4 * kHeadBytes));
  const size_t step = data[0] % 64 + 1u;
  const base::Method method = data[1] % 4 == 0 ? base::Method::kHead : base::Method::kGet;
  const Caller whole = hear(bytes, bytes.size() + 1, method), pieces = hear(bytes, step, method);
  for (const Caller& each : {whole, pieces}) {
    Caller::check(each.ended);
    Caller::check(each.fault >= 0 || each.status != 0);
    Caller::check(each.body.size() + each.text_bytes <= bytes.size());
  }
  Caller::check(whole.fault == pieces.fault);
  if (whole.fault < 0) Caller::check(whole.status == pieces.status && whole.body == pieces.body);
  return 0;
}
