// Bodies that come and go in pieces, over plain HTTP and over TLS.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <mutex>
#include <thread>

#include "system/http/client.h"
#include "system/http/testing/counted_body.h"
#include "system/http/testing/test_server.h"
#include "system/http/testing/tls_peer.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::Counted;
using testing::ServerTest;
using testing::test_authority;

enum class Way { kPlain, kTls };

class ClientStreamTest : public ServerTest, public ::testing::WithParamInterface<Way> {
 protected:
  ClientStreamTest() {
    if (GetParam() == Way::kTls) tls_ = testing::tls_for();
  }
  std::unique_ptr<Client> connect(ClientOptions options = {}) {
    options.ca_pem = test_authority().certificate_pem;
    const char* scheme = GetParam() == Way::kTls ? "https://" : "http://";
    return std::make_unique<Client>(*parse_url(scheme + server_->address().str()), std::move(options));
  }
  void serve(std::string_view path, std::function<void(Exchange&)> handler) {
    router_.add({{base::Method::kPut, std::string(path), "test.put",
                  [handler](Exchange& e, const PathParameters&) { handler(e); }}});
  }
  // How many bytes follow, and whether they are all '#'.
  static Result<size_t> read_rest(Client& client) {
    std::vector<char> piece(100'000);
    size_t total = 0;
    while (true) {
      const auto got = client.read(piece);
      if (!got || *got == 0) return got ? Result<size_t>(total) : got;
      if (std::ranges::count(piece.begin(), piece.begin() + static_cast<ptrdiff_t>(*got), '#') !=
          static_cast<ptrdiff_t>(*got))
        return fail(Code::kInternal, "other bytes came");
      total += *got;
    }
  }
};

INSTANTIATE_TEST_SUITE_P(Ways, ClientStreamTest, ::testing::Values(Way::kPlain, Way::kTls),
                         [](const auto& each) { return each.param == Way::kTls ? "Tls" : "Plain"; });

TEST_P(ClientStreamTest, UploadsFromASource) {
  start();
  const auto client = connect();
  for (int i = 0; i < 2; ++i) {
    Counted body(20 << 20);
    const auto response =
        client->ask({.method = base::Method::kPost, .target = "/count", .source = &body.source});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, std::to_string(20 << 20));
    EXPECT_EQ(body.given, 20U << 20);
    EXPECT_LE(body.largest, 128U << 10);
  }
  EXPECT_EQ(server_->counters().connections, 1U);
}

TEST_P(ClientStreamTest, ReadsAnAnswerThatIsWrittenWhileItIsRead) {
  static constexpr size_t kPiece = 100'000, kPieces = 200;
  static const std::string piece(kPiece, '#');
  std::latch full{1};
  std::once_flag once;
  struct Writer {
    std::function<void()> waits;
    void go(Exchange& to, size_t left) {
      while (left > 0)
        if (--left; !to.write(piece, [this, left](Exchange& again) { go(again, left); })) return waits();
      to.finish();
    }
  } writer{.waits = [&] { std::call_once(once, [&] { full.count_down(); }); }};
  serve("/long", [&](Exchange& e) {
    e.start({.content_type = "text/plain"});
    writer.go(e, kPieces);
  });
  start();
  const auto client = connect();
  const auto head = client->begin({.method = base::Method::kPut, .target = "/long"});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
  full.wait();  // a slow reader: 20 MB do not fit into the buffers between
  EXPECT_EQ(read_rest(*client).value_or(0), kPiece * kPieces);
  EXPECT_EQ(*client->read(std::span(std::array<char, 4>().data(), 4)), 0U);
  EXPECT_EQ(client->ask({.target = "/hello"})->body, "hello");
  EXPECT_EQ(server_->counters().connections, 1U);
}

TEST_P(ClientStreamTest, ReadsByteByByte) {
  start();
  const auto client = connect();
  ASSERT_TRUE(client->begin({.target = "/stream"}));
  std::string all;
  char byte = 0;
  while (client->read({&byte, 1}).value_or(0) == 1) all += byte;
  EXPECT_EQ(all, "one,two");
}

TEST_P(ClientStreamTest, StopsSendingWhenTheAnswerComesEarly) {
  serve("/refuse", [](Exchange& e) { e.respond({.status = 413, .body = "\"too large\""}); });
  start();
  const auto client = connect();
  Counted body(1ULL << 30);
  const auto response =
      client->ask({.method = base::Method::kPut, .target = "/refuse", .source = &body.source});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 413);
  EXPECT_EQ(response->body, "\"too large\"");
  EXPECT_LT(body.given, 100U << 20);
  EXPECT_EQ(client->ask({.target = "/hello"})->body, "hello");  // on another connection
  EXPECT_EQ(server_->counters().connections, 2U);
}

TEST_P(ClientStreamTest, PassesOnWhatIsWrongWithASource) {
  start();
  const auto client = connect();
  const BodySource broken{.size = 10,
                          .read = [](std::span<char>) { return fail(Code::kNotFound, "the file is gone"); }};
  const BodySource shorter{.size = 10, .read = [](std::span<char>) { return size_t{0}; }};
  EXPECT_EQ(
      client->ask({.method = base::Method::kPost, .target = "/count", .source = &broken}).error().message,
      "the file is gone");
  EXPECT_EQ(client->ask({.method = base::Method::kPost, .target = "/count", .source = &shorter}).error().code,
            Code::kInvalid);
  EXPECT_EQ(client->ask({.target = "/hello"})->body, "hello");
}

// A watch: the head at once, then nothing for long.
class Watch {
 public:
  void operator()(Exchange& exchange) {
    exchange.start({.content_type = "application/json"});
    exchange.write("{}", nullptr);
    came_.set_value(exchange.shared_from_this());
  }
  ExchangePtr get() { return came_.get_future().get(); }

 private:
  std::promise<ExchangePtr> came_;
};

TEST_P(ClientStreamTest, IsInterruptedByAnotherThread) {
  Watch watch;
  serve("/watch", [&](Exchange& e) { watch(e); });
  start();
  const auto client = connect({.timeout_ms = -1});
  std::promise<void> first;
  auto reading = std::async(std::launch::async, [&] {
    std::array<char, 100> piece;
    EXPECT_TRUE(client->begin({.method = base::Method::kPut, .target = "/watch"}));
    EXPECT_EQ(client->read(piece).value_or(0), 2U);
    first.set_value();
    return client->read(piece);
  });
  first.get_future().wait();
  client->interrupt();
  const auto last = reading.get();
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().message,
            fmt::format("the exchange with {} was interrupted", server_->address().str()));
  EXPECT_EQ(client->ask({.target = "/hello"}).error().code, Code::kUnavailable);
  watch.get()->finish();
}

TEST_P(ClientStreamTest, ReadsOnAfterATimeout) {
  Watch watch;
  serve("/watch", [&](Exchange& e) { watch(e); });
  start();
  const auto client = connect({.timeout_ms = 200});
  std::array<char, 100> piece;
  ASSERT_TRUE(client->begin({.method = base::Method::kPut, .target = "/watch"}));
  ASSERT_EQ(client->read(piece).value_or(0), 2U);
  EXPECT_EQ(client->read(piece).error().code, Code::kTimeout);
  auto held = watch.get();
  held->write("[]", nullptr);
  held->finish();
  EXPECT_EQ(client->read(piece).value_or(0), 2U);
  EXPECT_EQ(client->read(piece).value_or(7), 0U);
}

TEST_P(ClientStreamTest, LeavesAnAnswerUnread) {
  start();
  const auto client = connect();
  ASSERT_TRUE(client->begin({.target = "/stream"}));
  EXPECT_EQ(client->ask({.target = "/hello"})->body, "hello");
  EXPECT_EQ(client->ask({.target = "/hello"})->body, "hello");
  EXPECT_EQ(client->read({}).value_or(7), 0U);
}

TEST_P(ClientStreamTest, SaysWhenAnAnswerBreaksOff) {
  serve("/broken", [](Exchange& e) {
    e.start({.content_type = "text/plain"});
    e.write("##", nullptr);
    e.abort();
  });
  start();
  const auto client = connect();
  ASSERT_TRUE(client->begin({.method = base::Method::kPut, .target = "/broken"}));
  EXPECT_EQ(read_rest(*client).error().code, Code::kUnavailable);
  EXPECT_EQ(client->ask({.target = "/hello"})->body, "hello");
}

TEST_P(ClientStreamTest, OpensAConnectionAgainThatTheServerClosedMeanwhile) {
  start({.idle_time = 20ms});
  const auto client = connect();
  for (int i = 0; i < 3; ++i) {
    Counted body(100);
    EXPECT_EQ(client->ask({.target = "/hello"})->body, "hello");
    while (server_->counters().open > 0) std::this_thread::yield();
    const auto response =
        client->ask({.method = base::Method::kPost, .target = "/count", .source = &body.source});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "100");
    while (server_->counters().open > 0) std::this_thread::yield();
  }
}

TEST_P(ClientStreamTest, SendsAllMethodsAndTheToken) {
  for (const auto method : {base::Method::kGet, base::Method::kHead, base::Method::kPost, base::Method::kPut,
                            base::Method::kPatch, base::Method::kDelete})
    router_.add({{method, "/method", "test.method", [](Exchange& e, const PathParameters&) {
                    const base::Header told[] = {{"x-method", base::name(e.head().method)},
                                                 {"x-token", e.head().find("authorization")},
                                                 {"x-length", e.head().find("content-length")}};
                    e.respond({.headers = told, .body = "1"});
                  }}});
  start();
  const auto client = connect({.bearer_token = "secret"});
  for (const auto method : {base::Method::kGet, base::Method::kHead, base::Method::kPost, base::Method::kPut,
                            base::Method::kPatch, base::Method::kDelete}) {
    const auto response = client->ask({.method = method, .target = "/method"});
    ASSERT_TRUE(response) << response.error().message;
    const bool has_length =
        method == base::Method::kPost || method == base::Method::kPut || method == base::Method::kPatch;
    EXPECT_EQ(response->find("x-method"), base::name(method));
    EXPECT_EQ(response->find("x-token"), "Bearer secret");
    EXPECT_EQ(response->find("x-length"), has_length ? "0" : "");
    EXPECT_EQ(response->body, method == base::Method::kHead ? "" : "1");
  }
  EXPECT_EQ(server_->counters().connections, 1U);
}

}  // namespace
}  // namespace slipway::http
