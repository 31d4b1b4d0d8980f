// What happens between a handler that takes its time and a peer that has its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>

#include "system/http/router.h"
#include "system/http/server.h"
#include "system/http/testing/raw_client.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::body_of_answer;
using testing::RawClient;
using testing::status_of_answer;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string post(std::string_view body) {
  return fmt::format("POST / HTTP/1.1\r\nHost: a\r\nX-Kind: kept\r\nContent-Length: {}\r\n\r\n{}",
                     body.size(), body);
}

// A server with one handler, which a test gives.
class Serving {
 public:
  explicit Serving(Handler handler, Limits limits = {}, base::Budget* budget = nullptr)
      : server_({.address = *parse_address("127.0.0.1:0"), .limits = limits, .budget = budget},
                std::move(handler), clock_) {
    EXPECT_TRUE(server_.start());
  }
  Server* operator->() { return &server_; }
  const Address& address() const { return server_.address(); }

 private:
  runtime::RealClock clock_;
  Server server_;
};

// A request that a test keeps pending on its own thread.
struct Pending {
  std::promise<std::pair<ExchangePtr, std::string_view>> came;
  std::latch cancelled{1};

  void take(Exchange& exchange) {
    exchange.on_cancel([this] { cancelled.count_down(); });
    exchange.read_all(1 << 20, [this](Exchange& from, const Result<std::string_view>& body) {
      came.set_value({from.shared_from_this(), body.value_or("")});
    });
  }
};

TEST(Cancellation, ComesWhenTheServerStops) {
  Pending pending;
  Serving server([&](Exchange& exchange) { pending.take(exchange); });
  RawClient peer(server.address());
  peer.send(post("abc"));
  auto [exchange, body] = pending.came.get_future().get();
  server->stop();
  EXPECT_TRUE(exchange->cancelled());
  EXPECT_EQ(body, "abc");
  EXPECT_TRUE(peer.closed());
}

TEST(Cancellation, DoesNotComeAfterTheAnswer) {
  std::atomic<int> cancelled = 0;
  {
    Serving server([&](Exchange& exchange) {
      exchange.on_cancel([&] { ++cancelled; });
      exchange.respond({});
    });
    RawClient peer(server.address());
    peer.send(kGet);
    EXPECT_EQ(status_of_answer(peer.answer()), 200);
  }
  EXPECT_EQ(cancelled, 0);
}

// Writes a megabyte piece by piece, each when there is room, and remembers how often it had to wait.
struct Pump {
  static constexpr size_t kPiece = 64 << 10, kPieces = 512;
  std::atomic<size_t> written = 0, waits = 0, depth = 0, deepest = 0;
  std::latch ended{1};
  const std::string piece = std::string(kPiece, '#');

  void go(Exchange& exchange) {
    deepest = std::max(deepest.load(), ++depth);
    while (written < kPieces && !exchange.cancelled()) {
      ++written;
      if (exchange.write(piece, [this](Exchange& again) { go(again); })) continue;
      ++waits;
      --depth;
      return;
    }
    exchange.finish();
    ended.count_down();
    --depth;
  }
};

TEST(Streaming, WaitsForAReaderThatStopsAndGoesOnWithIt) {
  Pump pump;
  Serving server([&](Exchange& exchange) {
    exchange.start({.content_type = "text/plain"});
    pump.go(exchange);
  });
  RawClient peer(server.address());
  peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string first = peer.receive(1);
  EXPECT_LT(pump.written, Pump::kPieces);  // 32 MiB do not fit into the sockets' buffers
  const std::string all = first + peer.rest();
  pump.ended.wait();
  EXPECT_GT(pump.waits, 0u);
  EXPECT_EQ(pump.deepest, 1u);  // `then` comes only after write() said that there is no room
  EXPECT_EQ(std::ranges::count(all, '#'), static_cast<ptrdiff_t>(Pump::kPiece * Pump::kPieces));
  EXPECT_TRUE(all.ends_with("\r\n0\r\n\r\n"));
}

// From a thread of its own, waiting whenever write() says so.
void write_all(Exchange& exchange, int pieces) {
  const std::string piece(50'000, '#');
  for (int i = 0; i < pieces; ++i) {
    std::promise<void> room;
    if (!exchange.write(piece, [&](Exchange&) { room.set_value(); })) room.get_future().wait();
  }
  exchange.finish();
}

TEST(Streaming, DoesNotKeepAnotherThreadWaitingForAPeerThatHasGone) {
  std::promise<ExchangePtr> came;
  std::latch gone{1};
  Serving server([&](Exchange& exchange) {
    exchange.on_cancel([&] { gone.count_down(); });
    exchange.start({.content_type = "text/plain"});
    came.set_value(exchange.shared_from_this());
  });
  ExchangePtr held;
  {
    RawClient peer(server.address());
    peer.send(kGet);
    held = came.get_future().get();
  }
  gone.wait();
  write_all(*held, 20);  // a megabyte, more than the output limit
  EXPECT_TRUE(held->cancelled());
  held.reset();
}

TEST(Deadlines, HoldForAHeadThatBeganBehindASlowAnswer) {
  std::future<void> later;
  Serving server(
      [&](Exchange& exchange) {
        later = std::async(std::launch::async, [held = exchange.shared_from_this()] {
          std::this_thread::sleep_for(60ms);  // longer than every deadline of the connection
          held->respond({});
        });
      },
      {.header_time = 20ms, .idle_time = 20ms});
  RawClient peer(server.address());
  peer.send(std::string(kGet) + "GET / HT");
  EXPECT_EQ(status_of_answer(peer.answer()), 200);
  EXPECT_EQ(status_of_answer(peer.answer()), 408);
  later.wait();
}

TEST(Connections, ThatWaitHoldNoneOfTheRequestsMemory) {
  base::Budget budget(64 << 20);
  std::vector<std::future<void>> later;
  const auto take_memory = [](Exchange& exchange) {
    EXPECT_EQ(exchange.arena().make<char>(1 << 20).size(), 1U << 20);
    exchange.respond({});
  };
  Serving server(
      [&](Exchange& exchange) {
        if (exchange.head().path == "/used") return exchange.respond({.body = std::to_string(budget.used())});
        if (exchange.head().path == "/now") return take_memory(exchange);
        later.push_back(
            std::async(std::launch::async, [&take_memory, held = exchange.shared_from_this()]() mutable {
              take_memory(*held);
              held.reset();
            }));
      },
      {}, &budget);
  for (const char* path : {"/now", "/later"}) {
    RawClient waiting(server.address()), asking(server.address());
    waiting.send(fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", path));
    EXPECT_EQ(status_of_answer(waiting.answer()), 200);
    std::string used;
    for (int i = 0; i < 1000 && used != "0"; ++i) {
      asking.send("GET /used HTTP/1.1\r\nHost: a\r\n\r\n");
      used = body_of_answer(asking.answer());
    }
    EXPECT_EQ(used, "0") << path;
  }
  for (auto& answer : later) answer.wait();
}

TEST(Connections, LiveOnOrEndAsTheVersionAndTheHeaderSay) {
  Serving server([](Exchange& exchange) { exchange.respond({}); });
  const struct {
    const char* bytes;
    bool stays;
    const char* says;
  } rows[] = {{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, "\r\n\r\n"},
              {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, "connection: close\r\n"},
              {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false, "connection: close\r\n"},
              {"GET / HTTP/1.0\r\n\r\n", false, "connection: close\r\n"},
              {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "connection: keep-alive\r\n"}};
  for (const auto& row : rows) {
    RawClient peer(server.address());
    peer.send(row.bytes);
    const std::string answer = peer.answer();
    EXPECT_NE(answer.find(row.says), std::string::npos) << row.bytes << answer;
    peer.send(kGet);
    EXPECT_EQ(status_of_answer(peer.answer()), row.stays ? 200 : 0) << row.bytes;
  }
}

TEST(Connections, SendNoBodyToHeadEvenWithAnError) {
  const Router router(
      {{base::Method::kGet, "/there", "test.there",
        [](Exchange& exchange, const PathParameters&) { respond_error(exchange, 503, "not now"); }}});
  Serving server([&](Exchange& exchange) { router(exchange); });
  RawClient peer(server.address());
  for (const auto& [path, status] : {std::pair("/there", 503), std::pair("/nowhere", 404)}) {
    peer.send(fmt::format("HEAD {} HTTP/1.1\r\nHost: a\r\n\r\nGET /there HTTP/1.1\r\nHost: a\r\n\r\n", path));
    const std::string head = peer.receive(20);
    EXPECT_EQ(status_of_answer(head), status);
    const size_t next = head.find("\r\n\r\n") + 4;
    const std::string following = head.substr(next) + (head.size() == next ? peer.answer() : "");
    EXPECT_EQ(status_of_answer(following), 503) << head;
  }
}

}  // namespace
}  // namespace slipway::http
