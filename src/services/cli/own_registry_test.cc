#include "services/cli/own_registry.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "values/base/base64.h"

namespace slipway::cli {
namespace {

std::string secret(const std::string& host, const std::string& token = "T") {
  const nlohmann::json config{{"auths", {{host, {{"auth", "eA=="}}}}}};
  return nlohmann::json{
      {"kind", "Secret"},
      {"data",
       {{"token", base::base64_encode(token)}, {".dockerconfigjson", base::base64_encode(config.dump())}}}}
      .dump();
}

TEST(OwnRegistry, IsReachedThroughTheApiServersProxyOfTheServiceThatTheSecretNames) {
  const auto found = parse_own_registry(secret("slipway-registry.platform.svc:5000"), "team");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found,
            (OwnRegistry{.service = "slipway-registry", .ns = "platform", .port = 5000, .token = "T"}));
  EXPECT_EQ(found->proxy_path(), "/api/v1/namespaces/platform/services/https:slipway-registry:5000/proxy");
}

TEST(OwnRegistry, ASecretThatControlDidNotMakeIsRefused) {
  for (const std::string& text :
       {std::string("{}"), std::string("no JSON"), secret(""), secret("registry:5000"),
        secret("a.b.svc:port"), secret("a.b.svc"), secret("a/../b.c.svc:5000"), secret("a.b.svc:5000", "")})
    EXPECT_FALSE(parse_own_registry(text, "team")) << text;
}

}  // namespace
}  // namespace slipway::cli
