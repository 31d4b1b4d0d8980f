// A server with an /echo that answers what it was sent, and some stranger handlers, for tests over real
// sockets.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "system/http/router.h"
#include "system/http/server.h"
#include "system/http/testing/raw_client.h"

namespace slipway::http::testing {

using namespace std::chrono_literals;

class ServerTest : public ::testing::Test {
 protected:
  void start(Limits limits = {}, base::Budget* budget = nullptr) {
    server_ = std::make_unique<Server>(
        ServerOptions{
            .address = *parse_address("127.0.0.1:0"), .limits = limits, .budget = budget, .tls = tls_},
        [this](Exchange& exchange) { router_(exchange); }, clock_);
    ASSERT_TRUE(server_->start());
  }
  RawClient client() { return RawClient(server_->address()); }
  std::string ask(std::string_view bytes) {
    RawClient client(server_->address());
    client.send(bytes);
    return client.answer();
  }

  static void echo(Exchange& exchange) {
    exchange.read_all(1 << 20, [](Exchange& from, Result<std::string_view> body) {
      if (!body) return respond_error(from, body.error());
      from.respond({.content_type = "text/plain", .body = *body});
    });
  }
  ServerTest() { at_once_.set_value(); }
  void TearDown() override {  // who answers later must be done before the server goes
    for (auto& answer : late_) answer.wait();
  }
  void answer_later(Exchange& exchange) {
    late_.push_back(
        std::async(std::launch::async, [held = exchange.shared_from_this(), go = late_may_answer_] {
          go.wait();
          held->respond({.body = "\"late\""});
        }));
    late_started_.count_down();
  }
  static void stream(Exchange& exchange) {
    exchange.start({.content_type = "text/plain"});
    exchange.write("one,", nullptr);
    exchange.write("two", nullptr);
    exchange.finish();
  }
  static void count_pieces(Exchange& exchange) { count_more(exchange, std::make_shared<size_t>(0)); }
  static void count_more(Exchange& exchange, const std::shared_ptr<size_t>& total) {
    exchange.read([total](Exchange& from, Result<Exchange::Piece> piece) {
      if (!piece) return respond_error(from, piece.error());
      *total += piece->bytes.size();
      if (!piece->last) return count_more(from, total);
      from.respond({.body = std::to_string(*total)});
    });
  }

  runtime::RealClock clock_;
  std::shared_ptr<const TlsServer> tls_;  // a test of TLS sets it before start()
  base::Budget budget_{100'000};
  std::vector<std::future<void>> late_;
  std::latch late_started_{1};
  std::promise<void> at_once_;
  std::shared_future<void> late_may_answer_ = at_once_.get_future().share();  // a test may put its own here
  Router router_{{
      {base::Method::kPost, "/echo", "test.echo", [](Exchange& e, const PathParameters&) { echo(e); }},
      {base::Method::kGet, "/hello", "test.hello",
       [](Exchange& e, const PathParameters&) {
         e.respond({.content_type = "text/plain", .body = "hello"});
       }},
      {base::Method::kGet, "/late", "test.late",
       [this](Exchange& e, const PathParameters&) { answer_later(e); }},
      {base::Method::kGet, "/stream", "test.stream", [](Exchange& e, const PathParameters&) { stream(e); }},
      {base::Method::kPost, "/count", "test.count",
       [](Exchange& e, const PathParameters&) { count_pieces(e); }},
      {base::Method::kGet, "/models/{name}/parts/{part}", "test.part",
       [](Exchange& e, const PathParameters& p) {
         e.respond({.body = std::string(p[0]) + "|" + std::string(p[1])});
       }},
  }};
  std::unique_ptr<Server> server_;
};

}  // namespace slipway::http::testing
