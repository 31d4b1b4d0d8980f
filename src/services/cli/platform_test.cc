// Whom a command talks to, and what people are told when that does not work.
#include "services/cli/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "system/kube/testing/fake_api.h"
#include "system/os/files.h"

namespace slipway::cli {
namespace {

using kube::testing::FakeApi;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Platform named() {
  return {.access = {.context = "prod", .server = "https://10.0.0.1:6443", .ns = "risk"},
          .data = "/data",
          .chosen = Chosen::kByContext};
}

kube::ApiError refused(int status, std::string reason, std::string message) {
  return {.error = {Code::kInvalid, std::move(message)}, .status = status, .reason = std::move(reason)};
}

TEST(ServerFactsTest, OursIsKnownByWhatStandsBehindThePlusSign) {
  const auto ours = parse_server_facts(R"({"major":"1","gitVersion":"v1.37.0+slipway.0.9.0"})");
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->where, Where::kMachine);
  EXPECT_EQ(ours->version, "0.9.0");
  const auto cluster = parse_server_facts(R"({"major":"1","gitVersion":"v1.31.4+k3s1"})");
  ASSERT_TRUE(cluster);
  EXPECT_EQ(cluster->where, Where::kCluster);
  EXPECT_EQ(cluster->version, "v1.31.4+k3s1");
}

TEST(ServerFactsTest, WhatIsNoApiServerIsRefused) {
  for (const char* text : {"", "hello", "[]", R"({"gitVersion":7})", R"({"version":"1"})"})
    EXPECT_FALSE(parse_server_facts(text)) << text;
}

TEST(PlatformTest, AsksTheServerWhatItIsOnlyOnce) {
  FakeApi api;
  api.will("GET /version", {.body = R"({"gitVersion":"v1.37.2"})"});
  const Platform platform{.access = api.access(), .data = "/data", .chosen = Chosen::kByFile};
  for (int i = 0; i < 2; ++i) {
    const auto where = platform.where();
    ASSERT_TRUE(where) << where.error().message;
    EXPECT_EQ(*where, Where::kCluster);
  }
  EXPECT_EQ(api.requests().size(), 1U);
}

TEST(PlatformTest, TheDataFoldersOwnPlatformIsAMachineWithoutAsking) {
  const Platform platform{.access = {.server = "http://127.0.0.1:1"}, .data = "/data"};
  const auto where = platform.where();
  ASSERT_TRUE(where);
  EXPECT_EQ(*where, Where::kMachine);
}

TEST(ExplainTest, WhatDoesNotAnswerIsStartedOrLookedFor) {
  const kube::ApiError error{.error = {Code::kUnavailable, "127.0.0.1:1: connection refused"}};
  EXPECT_THAT((Platform{.access = {}, .data = "/data"}.explain(error)),
              EndsWith("connection refused; is `slipway up` running?"));
  EXPECT_THAT(named().explain(error), HasSubstr("context prod (https://10.0.0.1:6443) does not answer"));
  EXPECT_THAT(named().explain(error), HasSubstr("`slipway context`"));
}

TEST(ExplainTest, CredentialsThatAreNotAcceptedNameTheContext) {
  EXPECT_THAT(named().explain(refused(401, "Unauthorized", "Unauthorized")),
              StartsWith("context prod (https://10.0.0.1:6443) does not accept these credentials"));
}

TEST(ExplainTest, AMissingRightSaysWhichAndWhomToAsk) {
  const std::string text = named().explain(refused(
      403, "Forbidden", R"(modeldeployments.slipway.dev is forbidden: User "ann" cannot list resource)"));
  EXPECT_THAT(text, HasSubstr("User \"ann\" cannot list resource"));
  EXPECT_THAT(text, HasSubstr("ask who administers context prod"));
  EXPECT_THAT(text, HasSubstr("namespace risk"));
}

TEST(ExplainTest, AClusterWithoutOurKindsIsInstalledOn) {
  const auto text = named().explain(
      refused(404, "",
              "GET https://10.0.0.1:6443/apis/slipway.dev/v1alpha1/namespaces/risk/modeldeployments: "
              "answered 404: 404 "
              "page not found"));
  EXPECT_THAT(text, HasSubstr("Slipway is not installed there"));
  EXPECT_THAT(text, HasSubstr("`slipway install --context prod -n risk --apply`"));
}

TEST(ExplainTest, AMissingObjectIsNotAMissingInstallation) {
  EXPECT_EQ(named().explain(refused(404, "NotFound", "modeldeployments.slipway.dev \"credit\" not found")),
            "modeldeployments.slipway.dev \"credit\" not found");
}

TEST(ExplainTest, AMissingNamespaceIsMade) {
  EXPECT_EQ(named().explain(refused(404, "NotFound", "namespaces \"risk\" not found")),
            "namespaces \"risk\" not found; `kubectl create namespace risk` makes it");
}

TEST(ExplainTest, SeveralCausesHaveALineEach) {
  kube::ApiError error = refused(
      422, "Invalid", "ModelDeployment \"credit\" is invalid: [spec.model: Required, spec.x: Unknown]");
  error.causes = {{"FieldValueRequired", "spec.model", "Required"},
                  {"FieldValueInvalid", "spec.x", "Unknown"}};
  EXPECT_EQ(named().explain(error),
            "ModelDeployment \"credit\" is invalid\n  spec.model: Required\n  spec.x: Unknown");
}

}  // namespace
}  // namespace slipway::cli
