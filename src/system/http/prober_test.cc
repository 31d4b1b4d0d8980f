#include "system/http/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "system/admin/admin.h"
#include "system/http/address.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;

TEST(AnswerOfAListener, IsItsBodyOnceItIsThereAsAWhole) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\n{\"a\"}";
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto part = read_answer(whole.substr(0, size));
    ASSERT_TRUE(part) << size;
    EXPECT_FALSE(*part) << size;
  }
  EXPECT_EQ(**read_answer(whole), "{\"a\"}");
  EXPECT_EQ(**read_answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), "");
}

TEST(AnswerOfAListener, IsNothingElse) {
  for (const char* text :
       {"HTTP/1.1 503 Service Unavailable\r\n", "SSH-2.0-OpenSSH", "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab"})
    EXPECT_FALSE(read_answer(text)) << text;
  EXPECT_FALSE(read_answer("HTTP/1.1 200 OK\r\nx: " + std::string(5 << 20, 'x')));
}

// Listeners in a folder of their own.
class ProberTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "slipway-prober-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  http::Address at(const std::string& socket) const {
    return *http::parse_address("unix:" + folder_ + "/" + socket);
  }
  std::unique_ptr<admin::AdminServer> serve(const std::string& socket, std::string body) {
    auto server = std::make_unique<admin::AdminServer>(
        at(socket),
        std::vector<http::Route>{{base::Method::kGet, "/observed", "process.read",
                                  [body](http::Exchange& exchange, const http::PathParameters&) {
                                    exchange.respond({.body = body});
                                  }}},
        clock_);
    EXPECT_TRUE(server->start());
    return server;
  }
  // Accepts nothing, says nothing.
  os::Descriptor hang(const std::string& socket) const {
    return os::Descriptor(http::listen_on(at(socket)).value_or(-1));
  }

  std::string folder_;
  runtime::RealClock clock_;
};

TEST_F(ProberTest, EveryListenerIsAskedAndThoseThatAreNotThereAreSilent) {
  const auto a = serve("a", "one"), b = serve("b", std::string(100'000, 'x'));
  Prober prober(Prober::sockets_in(folder_));
  const std::vector<std::string> all{"a", "b", "nobody"};
  for (int pass = 0; pass < 3; ++pass) {
    const auto answers = prober.ask(all, 20s);
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers.at("a").body, "one");
    EXPECT_TRUE(answers.at("a").fresh);
    EXPECT_EQ(answers.at("b").body.size(), 100'000u);
  }
}

TEST_F(ProberTest, OneThatHangsCostsItsPatienceOnce) {
  const auto a = serve("a", "one");
  const os::Descriptor hanging = hang("b");
  Prober prober(Prober::sockets_in(folder_));
  const std::vector<std::string> all{"a", "b"};
  EXPECT_EQ(prober.ask(all, 50ms).count("b"), 0u);
  // With an hour of patience this ends only because nobody waits for it any more.
  for (int pass = 0; pass < 3; ++pass) {
    const auto answers = prober.ask(all, 1h);
    EXPECT_EQ(answers.count("a"), 1u);
    EXPECT_EQ(answers.count("b"), 0u);
  }
}

TEST_F(ProberTest, AListenerThatWasReplacedIsFoundAgain) {
  auto a = serve("a", "one");
  Prober prober(Prober::sockets_in(folder_));
  const std::vector<std::string> all{"a"};
  EXPECT_EQ(prober.ask(all, 20s).at("a").body, "one");
  a->stop();
  a = serve("a", "two");
  auto answers = prober.ask(all, 20s);
  if (answers.empty()) answers = prober.ask(all, 20s);  // its end may come after the question
  EXPECT_EQ(answers.at("a").body, "two");
}

// Sidecars and old servers do: two replicas that answered in turns would never be seen idle together.
TEST_F(ProberTest, OneThatClosesAfterEachAnswerIsHeardInEachPass) {
  constexpr int kPasses = 4;
  const os::Descriptor listening = hang("closes");
  std::atomic<int> closed = 0;
  std::thread server([&] {
    for (int pass = 0; pass < kPasses; ++pass) {
      pollfd wait{.fd = listening.get(), .events = POLLIN, .revents = 0};
      ::poll(&wait, 1, 20'000);
      const os::Descriptor connection(::accept(listening.get(), nullptr, nullptr));
      std::string head;
      char byte = 0;
      while (!head.ends_with("\r\n\r\n") && ::recv(connection.get(), &byte, 1, 0) == 1) head += byte;
      const std::string answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
      EXPECT_EQ(::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL), ssize_t(answer.size()));
      ::shutdown(connection.get(), SHUT_RDWR);
      ++closed;
    }
  });
  Prober prober(Prober::sockets_in(folder_));
  const std::vector<std::string> all{"closes"};
  for (int pass = 0; pass < kPasses; ++pass) {
    const bool heard = prober.ask(all, 20s)["closes"].fresh;
    EXPECT_TRUE(heard) << pass;
    if (!heard) ::shutdown(listening.get(), SHUT_RDWR);  // nobody else comes
    while (closed <= pass) std::this_thread::yield();
  }
  server.join();
}

TEST_F(ProberTest, ListenersBehindAnAddressAreAskedInTheSameWay) {
  const auto open = http::listen_on(*http::parse_address("127.0.0.1:0"));
  const std::string silent = http::bound_address(open.value_or(-1))->str();
  const os::Descriptor hanging(open.value_or(-1));
  admin::AdminServer server(
      *http::parse_address("127.0.0.1:0"),
      {{base::Method::kGet, "/observed", "process.read",
        [](http::Exchange& exchange, const http::PathParameters&) { exchange.respond({.body = "one"}); }}},
      clock_);
  ASSERT_TRUE(server.start());
  Prober prober(Prober::by_address());
  const std::vector<std::string> all{server.address().str(), silent, "no address"};
  const auto answers = prober.ask(all, 1s);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers.begin()->second.body, "one");
  EXPECT_EQ(prober.ask(all, 1h).size(), 1u);  // who was late is not waited for
}

TEST_F(ProberTest, AFolderDeeperThanASocketsPathIsNoMatter) {
  const auto a = serve("a", "one");
  std::string deep = folder_;
  while (deep.size() < 200) deep += "/deeper-and-deeper";
  std::filesystem::create_directories(deep);
  std::filesystem::rename(folder_ + "/a", deep + "/a");
  Prober prober(Prober::sockets_in(deep));
  const std::vector<std::string> all{"a"};
  EXPECT_EQ(prober.ask(all, 20s).at("a").body, "one");
}

}  // namespace
}  // namespace slipway::http
