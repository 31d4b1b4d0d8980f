#include "system/admin/admin.h"

#include <gtest/gtest.h>

#include "system/http/client.h"

namespace slipway::admin {
namespace {

TEST(Admin, AnswersEachProbeByItsOwnMeaning) {
  runtime::RealClock clock;
  telemetry::Registry registry;
  registry.counter("slipway_test_things", "Things.");
  std::atomic<bool> ready{false};
  AdminServer server(*http::parse_address("127.0.0.1:0"),
                     routes({.started = [] { return true; },
                             .ready = [&] { return ready.load(); },
                             .live = [] { return true; }},
                            registry),
                     clock);
  ASSERT_TRUE(server.start());
  http::Client client(*http::parse_url("http://" + server.address().str()));
  EXPECT_EQ(client.ask({.target = "/startupz"})->status, 200);
  EXPECT_EQ(client.ask({.target = "/readyz"})->status, 503);
  ready = true;
  EXPECT_EQ(client.ask({.target = "/readyz"})->status, 200);
  EXPECT_EQ(client.ask({.target = "/livez"})->status, 200);
  EXPECT_EQ(client.ask({.target = "/nothing"})->status, 404);
  const auto plain = client.ask({.target = "/metrics"});
  EXPECT_NE(plain->find("content-type").find("text/plain"), std::string_view::npos);
  const auto open = client.ask(
      {.target = "/metrics", .headers = {{"accept", "application/openmetrics-text;version=1.0.0"}}});
  EXPECT_TRUE(open->body.ends_with("# EOF\n"));
}

TEST(Admin, AsksItsOwnerForTheMetricsOfAReplica) {
  runtime::RealClock clock;
  telemetry::Registry registry;
  const Probes well{[] { return true; }, [] { return true; }, [] { return true; }};
  const auto of_replica = [](http::Exchange& exchange, const std::string& replica) {
    exchange.respond({.body = "of " + replica});
  };
  AdminServer with(*http::parse_address("127.0.0.1:0"), routes(well, registry, of_replica), clock);
  AdminServer without(*http::parse_address("127.0.0.1:0"), routes(well, registry), clock);
  ASSERT_TRUE(with.start() && without.start());
  http::Client client(*http::parse_url("http://" + with.address().str()));
  EXPECT_EQ(client.ask({.target = "/metrics?x=1&replica=credit-3-8f2a1c40-0"})->body,
            "of credit-3-8f2a1c40-0");
  EXPECT_EQ(client.ask({.target = "/metrics?x=1"})->body.find("of "), std::string::npos);
  http::Client other(*http::parse_url("http://" + without.address().str()));
  EXPECT_EQ(other.ask({.target = "/metrics?replica=a-0"})->status, 404);
}

}  // namespace
}  // namespace slipway::admin
