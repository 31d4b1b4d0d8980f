// Answers as their peers give them, well or badly: a server that keeps to a script.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "system/http/client.h"
#include "system/http/testing/counted_body.h"
#include "system/http/testing/test_server.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;
using testing::Counted;

// Each connection gets these answers, one a request, and is closed.
class Script {
 public:
  explicit Script(std::vector<std::vector<std::string>> connections)
      : listening_(*listen_on(*parse_address("127.0.0.1:0"))), served_(std::async([this, connections] {
          for (const auto& answers : connections) serve(answers);
        })) {}
  ~Script() {
    served_.wait();
    ::close(listening_);
  }
  Url url() const { return *parse_url("http://" + bound_address(listening_)->str()); }
  int requests() const { return requests_; }

 private:
  void serve(const std::vector<std::string>& answers) {
    pollfd wait{.fd = listening_, .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, 5000);
    const int fd = ::accept(listening_, nullptr, nullptr);
    for (const std::string& answer : answers) {
      std::string head;
      char byte = 0;
      while (!head.ends_with("\r\n\r\n") && ::recv(fd, &byte, 1, 0) == 1) head += byte;
      if (!head.empty()) ++requests_;
      ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    ::close(fd);
  }

  int listening_;
  std::atomic<int> requests_ = 0;
  std::future<void> served_;
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(ClientRetry, AsksAgainWhenNoByteOfAnAnswerCame) {
  const Script script({{kOk, ""}, {kOk}});
  Client client(script.url());
  EXPECT_EQ(client.ask({})->body, "ok");
  EXPECT_EQ(client.ask({})->body, "ok");
  EXPECT_EQ(script.requests(), 3);
}

TEST(ClientRetry, DoesNotAskAgainWhenAnAnswerBeganOrTheBodyIsFromASource) {
  {
    const Script script({{kOk, "HTTP/1.1 20"}});
    Client client(script.url());
    EXPECT_EQ(client.ask({})->body, "ok");
    EXPECT_EQ(client.ask({}).error().code, Code::kUnavailable);
  }
  const Script script({{kOk, ""}});
  Client client(script.url());
  Counted body(3);
  EXPECT_EQ(client.ask({})->body, "ok");
  EXPECT_EQ(client.ask({.method = base::Method::kPut, .source = &body.source}).error().code,
            Code::kUnavailable);
  EXPECT_EQ(body.given, 3U);
}

// Whoever creates something must not have it twice because the first answer was lost.
TEST(ClientRetry, DoesNotPostAgain) {
  const Script script({{kOk, ""}});
  Client client(script.url());
  EXPECT_EQ(client.ask({})->body, "ok");
  EXPECT_EQ(client.ask({.method = base::Method::kPost}).error().code, Code::kUnavailable);
  EXPECT_EQ(script.requests(), 2);
}

TEST(ClientAnswers, AreReadAsTheirFramingSays) {
  const struct {
    const char* why;
    std::string answer, body;
  } rows[] = {
      {"until the end", "HTTP/1.1 200 OK\r\n\r\nall", "all"},
      {"old version", "HTTP/1.0 200 OK\r\n\r\nall", "all"},
      {"interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kOk,
       "ok"},
      {"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""},
      {"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
       "ok"},
  };
  for (const auto& row : rows) {
    const Script script({{row.answer}});
    Client client(script.url());
    const auto response = client.ask({});
    ASSERT_TRUE(response) << row.why << response.error().message;
    EXPECT_EQ(response->body, row.body) << row.why;
    EXPECT_EQ(response->find("x-t"), "");
    EXPECT_EQ(response->find("link"), "");
  }
}

TEST(ClientAnswers, AreRefusedWhenTheyAreNotHttpOrEndless) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const struct {
    std::string answer;
    Code code;
  } rows[] = {
      {"SSH-2.0-OpenSSH_9.2\r\n", Code::kInvalid},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x'), Code::kTooLarge},
      {chunked + "2\r\nok\r\n0\r\nX: " + std::string(70'000, 'x'), Code::kTooLarge},
      {chunked + "2;" + std::string(200'000, 'x'), Code::kInvalid},
      {chunked + "zz\r\n", Code::kInvalid},
      {chunked + "2\r\nok\r\n", Code::kUnavailable},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", Code::kUnavailable},
      {"", Code::kUnavailable},
  };
  for (const auto& row : rows) {
    const Script script({{row.answer}});
    Client client(script.url());
    const auto response = client.ask({});
    ASSERT_FALSE(response) << row.answer.substr(0, 100);
    EXPECT_EQ(response.error().code, row.code) << row.answer.substr(0, 100) << response.error().message;
  }
}

// As when a machine loses its power: its end of the connection neither answers nor acknowledges.
void fall_silent(int fd) {
  sock_filter drop{BPF_RET | BPF_K, 0, 0, 0};
  const sock_fprog program{.len = 1, .filter = &drop};
  ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

TEST(ClientLoss, OfAPeerThatVanishedIsNoticedWithoutAWordFromIt) {
  const int listening = *listen_on(*parse_address("127.0.0.1:0"));
  Client client(*parse_url("http://" + bound_address(listening)->str()),
                {.body_timeout_ms = 60'000, .lost_after_ms = 1'000});
  int peer = -1;
  std::thread answering([&] {
    pollfd waiting{.fd = listening, .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, 5'000);
    peer = ::accept(listening, nullptr, nullptr);
    constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    EXPECT_EQ(::send(peer, kHead.data(), kHead.size(), 0), static_cast<ssize_t>(kHead.size()));
  });
  const auto begun = client.begin({});
  answering.join();
  ASSERT_TRUE(begun) << begun.error().message;
  fall_silent(peer);
  std::array<char, 10> piece{};
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(client.read(piece).error().code, Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
  ::close(peer);
  ::close(listening);
}

TEST(ClientRequests, AreRefusedWhenTheyWouldSayMoreThanOneThing) {
  Client client(*parse_url("http://127.0.0.1:1"));
  EXPECT_EQ(client.ask({.target = "/a b"}).error().code, Code::kInvalid);
  EXPECT_EQ(client.ask({.target = "/\r\n\r\n"}).error().code, Code::kInvalid);
  EXPECT_EQ(client.ask({.headers = {{"x", "1\r\ny: 2"}}}).error().code, Code::kInvalid);
  EXPECT_EQ(client.ask({.method = base::Method::kOther}).error().code, Code::kInvalid);
  Client far(*parse_url("http://192.0.2.1:1"), {.bearer_token = "secret"});
  EXPECT_EQ(far.ask({}).error().code, Code::kDenied);
}

}  // namespace
}  // namespace slipway::http
