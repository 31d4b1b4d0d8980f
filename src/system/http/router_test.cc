#include "system/http/router.h"

#include <gtest/gtest.h>

#include "system/http/internal/framing.h"
#include "system/http/request_id.h"

namespace slipway::http {
namespace {

using internal::check_framing;
using internal::HeadScanner;

// An exchange that only has a head, and keeps its answer.
class FakeExchange final : public Exchange {
 public:
  FakeExchange(base::Method method, std::string_view path) {
    head_ = {.method = method, .target = path, .path = path};
  }
  const base::RequestHead& head() const override { return head_; }
  base::Arena& arena() override { return arena_; }
  TimePoint received() const override { return {}; }
  std::string_view request_id() const override { return "id"; }
  void read_all(size_t, WholeBody) override {}
  void read(BodyPiece) override {}
  void respond(const Answer& answer) override {
    status = answer.status;
    body = answer.body;
    for (const base::Header& header : answer.headers)
      headers += fmt::format("{}={};", header.name, header.value);
  }
  void start(const Answer&) override {}
  bool write(std::string_view, std::function<void(Exchange&)>) override { return true; }
  void finish(std::span<const base::Header>) override {}
  void abort() override {}
  bool cancelled() const override { return false; }
  void on_cancel(std::function<void()>) override {}
  void post(std::function<void()>) override {}
  runtime::EventLoop& loop() override { std::abort(); }
  std::shared_ptr<void>& local() override { std::abort(); }

  int status = 0;
  std::string body, headers;

 private:
  base::RequestHead head_;
  base::Arena arena_;
};

Router router() {
  const auto say = [](const std::string& word) {
    return [word](Exchange& exchange, const PathParameters& path) {
      exchange.respond({.body = fmt::format("{} {}|{}", word, path[0], path[1])});
    };
  };
  return Router({{base::Method::kGet, "/", "t.read", say("root")},
                 {base::Method::kGet, "/models/{m}", "t.read", say("model")},
                 {base::Method::kPost, "/models/{m}/versions/{v}/infer", "t.infer", say("infer")}});
}

std::string ask(base::Method method, std::string_view path) {
  FakeExchange exchange(method, path);
  router()(exchange);
  return fmt::format("{} {}{}", exchange.status, exchange.body, exchange.headers);
}

TEST(RouterTest, FindsTheRouteAndItsParameters) {
  using base::Method;
  EXPECT_EQ(ask(Method::kGet, "/"), "200 root |");
  EXPECT_EQ(ask(Method::kGet, "/models/a"), "200 model a|");
  EXPECT_EQ(ask(Method::kGet, "/models/a/"), "200 model a|");
  EXPECT_EQ(ask(Method::kHead, "/models/a"), "200 model a|");
  EXPECT_EQ(ask(Method::kPost, "/models/a%2Fb/versions/3/infer"), "200 infer a/b|3");
}

TEST(RouterTest, RefusesWhatIsNotInTheTable) {
  using base::Method;
  EXPECT_EQ(ask(Method::kGet, "/models"), R"(404 {"error":"no such path: /models"})");
  EXPECT_EQ(ask(Method::kGet, "/models/a/b"), R"(404 {"error":"no such path: /models/a/b"})");
  EXPECT_EQ(ask(Method::kPost, "/models/a"), R"(405 {"error":"this path takes GET"}allow=GET;)");
  EXPECT_EQ(ask(Method::kGet, "/models/%4"),
            R"(400 {"error":"the path holds a malformed percent escape at '%4'"})");
  EXPECT_EQ(ask(Method::kGet, "/models/%00").substr(0, 3), "400");
  EXPECT_EQ(ask(Method::kGet, "/" + std::string(5000, '/')).substr(0, 3), "404");
}

TEST(HeadScannerTest, FindsTheEndHoweverTheBytesArrive) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (size_t step = 1; step <= head.size(); ++step) {
    HeadScanner scanner;
    size_t end = 0;
    while (!scanner.scan(std::string_view(head).substr(0, end)) && end < head.size())
      end = std::min(end + step, head.size());
    EXPECT_EQ(scanner.refusal().status, 0);
    EXPECT_EQ(scanner.head_size(), head.size());
  }
}

TEST(Framing, ReadsWhatTheHeadersSayOfTheBody) {
  const base::Header chunked[] = {{"host", "a"}, {"transfer-encoding", "CHUNKED"}};
  EXPECT_TRUE(check_framing(chunked, {1, 1}).chunked);
  const base::Header length[] = {{"host", "a"}, {"content-length", "12"}, {"expect", "100-Continue"}};
  EXPECT_EQ(check_framing(length, {1, 1}).content_length, 12u);
  EXPECT_TRUE(check_framing(length, {1, 1}).expects_continue);
  EXPECT_FALSE(check_framing(length, {1, 0}).expects_continue);
}

TEST(RequestIdTest, SortsByTimeAndSaysItsOrigin) {
  RequestIds ids(0x1234abcd);
  RequestIds::Text first, second, later;
  ids.make(WallTime{std::chrono::milliseconds(1)}, first);
  ids.make(WallTime{std::chrono::milliseconds(1)}, second);
  ids.make(WallTime{std::chrono::milliseconds(2)}, later);
  const auto text = [](const RequestIds::Text& id) { return std::string(id.data(), id.size()); };
  EXPECT_EQ(text(first), "000000000001-1234abcd-000000");
  EXPECT_LT(text(first), text(second));
  EXPECT_LT(text(second), text(later));
  EXPECT_TRUE(is_request_id(text(first)));
}

TEST(RequestIdTest, TakesACallersOwnWhenItIsShortAndPlain) {
  EXPECT_TRUE(is_request_id("a-B_9.:/+=@~"));
  for (const std::string& id :
       {std::string(), std::string("a b"), std::string("a\"b"), std::string("é"), std::string(129, 'a')})
    EXPECT_FALSE(is_request_id(id));
}

}  // namespace
}  // namespace slipway::http
