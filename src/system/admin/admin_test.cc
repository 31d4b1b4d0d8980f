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

}  // namespace
}  // namespace slipway::admin
