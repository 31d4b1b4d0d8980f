#include "system/oci/docker_config.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

DockerConfig parsed(std::string_view text) {
  auto config = DockerConfig::parse(text, "config.json");
  EXPECT_TRUE(config) << config.error().message;
  return config ? *config : DockerConfig{};
}

// Who asks for that repository of that registry: "user:password", "token …", "nobody", or what is wrong.
std::string who(const DockerConfig& config, std::string_view registry,
                std::string_view repository = "credit") {
  const auto found = config.find(registry, repository);
  if (!found) return found.error().message;
  if (!found->identity_token.empty()) return "token " + found->identity_token;
  return found->empty() ? "nobody" : found->username + ":" + found->password;
}

TEST(DockerConfig, FindsWhatStandsForTheRegistryAlone) {
  const DockerConfig config = parsed(R"({"auths": {
      "reg.example.org:5000": {"auth": "bWU6c2VjcmV0OnRvbw=="},
      "other.example.org": {"username": "you", "password": "known"},
      "azure.example.org": {"auth": "MDA6", "identitytoken": "refresh"}}})");
  EXPECT_EQ(who(config, "reg.example.org:5000"), "me:secret:too") << "a password may hold a colon";
  EXPECT_EQ(who(config, "other.example.org"), "you:known");
  EXPECT_EQ(who(config, "azure.example.org"), "token refresh");
  EXPECT_EQ(who(config, "reg.example.org"), "nobody") << "another port is another registry";
  EXPECT_EQ(who(config, "evil-reg.example.org:5000"), "nobody");
  EXPECT_EQ(who(config, "reg.example.org:5000.evil.org"), "nobody");
}

TEST(DockerConfig, TheEntryThatNamesMostOfThePathWins) {
  const DockerConfig config = parsed(R"({"auths": {
      "reg.example.org/team": {"username": "team", "password": "1"},
      "https://reg.example.org/v2/": {"username": "all", "password": "2"},
      "reg.example.org/team/credit": {"username": "credit", "password": "3"}}})");
  EXPECT_EQ(who(config, "reg.example.org", "team/credit"), "credit:3");
  EXPECT_EQ(who(config, "reg.example.org", "team/credit/deep"), "credit:3");
  EXPECT_EQ(who(config, "reg.example.org", "team/credits"), "team:1");
  EXPECT_EQ(who(config, "reg.example.org", "teams/credit"), "all:2");
}

TEST(DockerConfig, StarsStandForOneLabelAsKubeletsTakeThem) {
  const DockerConfig config = parsed(R"({"auths": {"*.example.org": {"username": "u", "password": "p"}}})");
  EXPECT_EQ(who(config, "reg.example.org"), "u:p");
  EXPECT_EQ(who(config, "a.reg.example.org"), "nobody");
  EXPECT_EQ(who(config, "example.org"), "nobody");
}

TEST(DockerConfig, DockerHubHasSeveralNames) {
  const DockerConfig config =
      parsed(R"({"auths": {"https://index.docker.io/v1/": {"username": "u", "password": "p"}}})");
  for (const char* name : {"docker.io", "index.docker.io", "registry-1.docker.io"})
    EXPECT_EQ(who(config, name), "u:p");
}

TEST(DockerConfig, TheOlderFormHasItsEntriesAtTheTop) {
  EXPECT_EQ(who(parsed(R"({"reg.example.org": {"auth": "dTpw", "email": "e"}})"), "reg.example.org"), "u:p");
}

TEST(DockerConfig, WhatAHelperKeepsIsRefusedInWords) {
  const DockerConfig helpers = parsed(R"({"credHelpers": {"gcr.example.org": "gcloud"}, "auths": {}})");
  EXPECT_THAT(who(helpers, "gcr.example.org"), HasSubstr("docker-credential-gcloud, which is not run here"));
  EXPECT_EQ(who(helpers, "reg.example.org"), "nobody");
  const DockerConfig store = parsed(
      R"({"credsStore": "desktop", "auths": {"reg.example.org": {}, "own.example.org": {"auth": "dTpw"}}})");
  EXPECT_THAT(who(store, "reg.example.org"), HasSubstr("docker-credential-desktop (credsStore)"));
  EXPECT_EQ(who(store, "own.example.org"), "u:p");
  EXPECT_EQ(who(store, "unknown.example.org"), "nobody");
}

TEST(DockerConfig, WhatIsNoConfigurationIsRefusedWithoutShowingIt) {
  for (const char* text : {"", "[]", "null", "{\"auths\": {\"r\": {\"auth\": \"c2VjcmV0\"}}}",
                           "{\"auths\": {\"r\": {\"auth\": \"!secret!\"}}}", "{\"auths\""}) {
    const auto config = DockerConfig::parse(text, "the file F");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, Code::kInvalid);
    EXPECT_THAT(config.error().message, HasSubstr("the file F"));
    EXPECT_THAT(config.error().message, Not(HasSubstr("secret")));
  }
}

class DockerConfigFolder : public ::testing::Test {
 protected:
  DockerConfigFolder() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~DockerConfigFolder() override { std::filesystem::remove_all(path_); }
  std::string path_ = "/tmp/slipway-docker-XXXXXX";
};

TEST_F(DockerConfigFolder, IsReadAsKubernetesMountsASecret) {
  EXPECT_EQ(DockerConfig::load(path_).error().code, Code::kNotFound);
  std::filesystem::create_directory(path_ + "/..2026");
  std::ofstream(path_ + "/..2026/.dockerconfigjson") << R"({"auths": {"r.example.org": {"auth": "dTpw"}}})";
  std::filesystem::create_symlink("..2026", path_ + "/..data");
  std::filesystem::create_symlink("..data/.dockerconfigjson", path_ + "/.dockerconfigjson");
  std::ofstream(path_ + "/config.json") << "not looked at";
  const auto config = DockerConfig::load(path_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(who(*config, "r.example.org"), "u:p");
  EXPECT_EQ(DockerConfig::load(path_ + "/config.json").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace slipway::oci
