// What a gateway holds while one side is slower than the other, and requests that come before the answers to
// those ahead of them. Over Unix sockets alone: their buffers do not grow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "services/gateway/testing/world.h"
#include "system/http/testing/raw_client.h"
#include "system/os/descriptor.h"

namespace slipway::gateway {
namespace {

using http::Exchange;
using http::testing::RawClient;

constexpr size_t kWhole = 50 << 20;
constexpr size_t kStep = 1 << 20;
// Four buffers of sockets, two blocks, and what both servers let wait.
constexpr size_t kHeldAtMost = 3 << 19;

void wait_until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_TRUE(holds());
}

class FlowTest : public testing::GatewayTest {
 protected:
  void start_on_a_path() {
    store_.put(testing::stored(testing::deployment("credit", {{"a", 1, 100}})));
    store_.put(testing::slice("a", 1));
    Options options;
    options.listen = {.kind = http::Address::Kind::kUnix, .path = folder_.file("gateway.sock")};
    start(std::move(options));
  }
  // Until nothing has moved while many others were answered, by the same loops.
  void wait_until_it_stands(const std::function<size_t()>& moved) const {
    RawClient other(gateway_->address());
    size_t before = moved();
    for (int rounds = 0; rounds < 50; ++rounds) {
      other.send("GET /v2/models/credit/ready HTTP/1.1\r\nhost: h\r\n\r\n");
      EXPECT_FALSE(other.answer().empty());
      if (std::exchange(before, moved()) != before) rounds = 0;
    }
  }
  os::Descriptor connect() const { return os::Descriptor(*http::connect_to(gateway_->address(), 1000)); }
};

// Takes a body piece by piece, no further than it is allowed to.
class SlowReader {
 public:
  void begin(Exchange& exchange) {
    exchange_ = exchange.shared_from_this();
    read_on(exchange);
  }
  void allow(size_t bytes) {
    wait_until([&] { return waits_.load(); });
    allowed_ = bytes;
    waits_ = false;
    exchange_->post([this] { read_on(*exchange_); });
  }
  size_t taken() const { return taken_; }

 private:
  void read_on(Exchange& exchange) {
    if (taken_ >= allowed_) {
      waits_ = true;
      return;
    }
    exchange.read([this](Exchange& from, Result<Exchange::Piece> piece) {
      if (!piece) return;
      taken_ += piece->bytes.size();
      if (!piece->last) return read_on(from);
      from.respond({.body = "all"});
    });
  }

  http::ExchangePtr exchange_;
  std::atomic<size_t> taken_{0}, allowed_{0};
  std::atomic<bool> waits_{false};
};

TEST_F(FlowTest, ABodyIsTakenFromItsCallerOnlyAsItsReplicaTakesIt) {
  SlowReader reader;
  replica("a-0", [&](Exchange& exchange) { reader.begin(exchange); });
  start_on_a_path();
  const os::Descriptor caller = connect();
  std::atomic<size_t> sent{0};
  std::thread sender([&] {
    const std::string head =
        fmt::format("POST /v2/models/credit/infer HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", kWhole);
    ::send(caller.get(), head.data(), head.size(), MSG_NOSIGNAL);
    const std::string piece(64 << 10, 'x');
    while (sent < kWhole) {
      const ssize_t put = ::send(caller.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
      if (put <= 0) return;
      sent += static_cast<size_t>(put);
    }
  });
  for (size_t allowed = kStep; allowed <= kWhole; allowed += kStep) {
    reader.allow(allowed);
    wait_until([&] { return reader.taken() >= allowed; });
    const size_t gone = sent;
    EXPECT_LE(gone - std::min(gone, reader.taken()), kHeldAtMost);
  }
  sender.join();
  EXPECT_EQ(reader.taken(), kWhole);
  std::string answer(4096, '\0');
  const ssize_t got = ::recv(caller.get(), answer.data(), answer.size(), 0);
  answer.resize(got > 0 ? static_cast<size_t>(got) : 0);
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\nall"));
}

// Gives an answer as long as there is room for it.
class FastWriter {
 public:
  void begin(Exchange& exchange) {
    exchange.start({.content_type = "text/plain", .length = kWhole});
    write_on(exchange);
  }
  size_t given() const { return given_; }

 private:
  void write_on(Exchange& exchange) {
    while (given_ < kWhole) {
      given_ += piece_.size();
      if (!exchange.write(piece_, [this](Exchange& to) { write_on(to); })) return;
    }
    exchange.finish();
  }

  const std::string piece_ = std::string(64 << 10, 'y');
  std::atomic<size_t> given_{0};
};

TEST_F(FlowTest, AnAnswerIsTakenFromItsReplicaOnlyAsItsCallerTakesIt) {
  FastWriter writer;
  replica("a-0", [&](Exchange& exchange) {
    if (exchange.head().path.ends_with("/ready")) return exchange.respond({});
    writer.begin(exchange);
  });
  start_on_a_path();
  const os::Descriptor caller = connect();
  constexpr std::string_view kAsk = "GET /v2/models/credit HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
  ASSERT_EQ(::send(caller.get(), kAsk.data(), kAsk.size(), 0), static_cast<ssize_t>(kAsk.size()));
  wait_until_it_stands([&] { return writer.given(); });
  EXPECT_LE(writer.given(), kHeldAtMost);
  std::string piece(64 << 10, '\0');
  size_t taken = 0;
  for (ssize_t got = 1; got > 0; taken += static_cast<size_t>(got)) {
    const size_t given = writer.given();
    ASSERT_LE(given - std::min(given, taken), kHeldAtMost);
    got = ::recv(caller.get(), piece.data(), piece.size(), 0);
    ASSERT_GE(got, 0);
  }
  EXPECT_GT(taken, kWhole);  // and its head
  EXPECT_LT(taken, kWhole + 4096);
}

TEST_F(FlowTest, RequestsThatComeTogetherAreAnsweredInTheirOrder) {
  replica("a-0");
  start_on_a_path();
  constexpr int kTogether = 40;  // more than are taken at once
  std::string all;
  for (int i = 0; i < kTogether; ++i) {
    const std::string body(i % 3 == 1 ? 100'000 : 2, 'z');  // streamed, or held
    all += i % 3 == 0
               ? fmt::format("GET /v2/models/credit?i={} HTTP/1.1\r\nhost: h\r\n\r\n", i)
               : fmt::format(
                     "POST /v2/models/credit/infer?i={} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{}",
                     i, body.size(), body);
  }
  RawClient raw(gateway_->address());
  std::thread sender([&] { raw.send(all); });
  for (int i = 0; i < kTogether; ++i)
    EXPECT_THAT(raw.answer(), ::testing::EndsWith(fmt::format("?i={}", i))) << i;
  sender.join();
}

}  // namespace
}  // namespace slipway::gateway
