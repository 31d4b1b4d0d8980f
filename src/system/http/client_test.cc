#include "system/http/client.h"

#include <gtest/gtest.h>

#include "system/http/router.h"
#include "system/http/server.h"

namespace slipway::http {
namespace {

void answer(Exchange& exchange) {
  if (exchange.head().path == "/stream") {
    exchange.start({.content_type = "text/plain"});
    exchange.write("a", nullptr);
    exchange.write("bc", nullptr);
    return exchange.finish();
  }
  exchange.read_all(1 << 20, [](Exchange& from, Result<std::string_view> body) {
    const base::Header header{"x-kind", from.head().find("x-kind")};
    from.respond(
        {.status = 201, .content_type = "text/plain", .headers = std::span(&header, 1), .body = *body});
  });
}

class ClientTest : public testing::Test {
 protected:
  ClientTest() { EXPECT_TRUE(server_.start()); }
  Url url() { return *parse_url("http://" + server_.address().str() + "/"); }

  runtime::RealClock clock_;
  Server server_{{.address = *parse_address("127.0.0.1:0")}, answer, clock_};
};

TEST_F(ClientTest, SendsAndReads) {
  Client client(url());
  for (int i = 0; i < 3; ++i) {
    const auto response = client.ask(
        {.method = base::Method::kPost, .target = "/x", .headers = {{"x-kind", "k"}}, .body = "body"});
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(response->body, "body");
    EXPECT_EQ(response->find("x-kind"), "k");
  }
  EXPECT_EQ(server_.counters().connections, 1u);
}

TEST_F(ClientTest, ReadsChunksAndHeads) {
  Client client(url());
  EXPECT_EQ(client.ask({.target = "/stream"})->body, "abc");
  EXPECT_EQ(client.ask({.method = base::Method::kHead, .target = "/x"})->body, "");
  EXPECT_EQ(client.ask({.target = "/x"})->status, 201);
}

TEST_F(ClientTest, HoldsTheAnswerToItsLimit) {
  Client client(url(), {.body_limit = 2});
  EXPECT_EQ(client.ask({.target = "/stream"}).error().code, Code::kTooLarge);
}

TEST(ClientErrors, NameTheAddress) {
  Client client(*parse_url("http://127.0.0.1:1"));
  const auto response = client.ask({});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message, "cannot connect to 127.0.0.1:1: Connection refused");
}

TEST(UrlTest, IsTakenApart) {
  const auto url = parse_url("http://localhost:8080/prefix/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->prefix, "/prefix");
  EXPECT_EQ(url->host, "localhost:8080");
  EXPECT_EQ(parse_url("http://host")->address.port, 80);
  EXPECT_EQ(parse_url("https://host")->address.port, 443);
  EXPECT_TRUE(parse_url("https://[::1]:8090")->tls);
  EXPECT_FALSE(parse_url("http://a b"));
  EXPECT_EQ(parse_url("host:80").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace slipway::http
