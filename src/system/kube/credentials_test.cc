// What is replaced while a client runs: tokens, CAs, certificates.
#include "system/kube/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "system/http/certificates.h"
#include "system/kube/client.h"
#include "system/kube/testing/fake_api.h"

namespace slipway::kube {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::FakeApi;
using ::testing::HasSubstr;
using testing::status_json;
using Look = CredentialSource::Look;

const ObjectRef kNode{{"", "v1", "nodes", Scope::kCluster}, "", "n"};
const std::string kGet = "GET /api/v1/nodes/n";

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() {
    std::string name = (fs::temp_directory_path() / "slipway-credentials-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~CredentialsTest() override { fs::remove_all(folder_); }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  // As a file that is replaced by another.
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(at("new"), std::ios::binary) << text;
    fs::rename(at("new"), at(name));
    return at(name);
  }
  // As Kubernetes does it: all files of a folder at once, behind a link.
  void project(const std::string& version, std::string_view ca, std::string_view token) const {
    fs::create_directory(folder_ / version);
    std::ofstream(folder_ / version / "ca.crt") << ca;
    std::ofstream(folder_ / version / "token") << token;
    fs::create_directory_symlink(version, folder_ / "next");
    fs::rename(folder_ / "next", folder_ / "..data");
  }
  static http::TlsIdentity identity(const std::string& name) {
    const auto now = runtime::RealClock().wall();
    const std::vector<std::string> names{name};
    return *http::issue_certificate(*http::make_authority("clients", now), names, now, 1h);
  }
  static std::vector<std::string> tokens(const FakeApi& api) {
    std::vector<std::string> out;
    for (auto& request : api.requests()) out.push_back(request.headers["authorization"]);
    return out;
  }

  fs::path folder_;
};

TEST_F(CredentialsTest, ATokenThatIsReplacedIsUsedFromTheNextRequestOn) {
  FakeApi api;
  Access access = api.access();
  access.token_file = write("token", "old\n");
  Client client(access);
  for (int i = 0; i < 3; ++i) api.will(kGet, {.body = "{}"});
  EXPECT_TRUE(client.get(kNode));
  write("token", "new\n");
  EXPECT_TRUE(client.get(kNode));
  EXPECT_TRUE(client.get(kNode));
  EXPECT_THAT(tokens(api), ElementsAre("Bearer old", "Bearer new", "Bearer new"));
}

TEST_F(CredentialsTest, ATokenThatIsRefusedIsReadAgainWhateverItsFileLooksLike) {
  FakeApi api;
  const testing::Canned refusal{.status = 401, .body = status_json(401, "Unauthorized", "Unauthorized")};
  Access access = api.access();
  access.token_file = write("token", "old\n");
  const auto written = fs::last_write_time(at("token"));
  Client client(access);
  api.will(kGet, {.body = "{}"});
  EXPECT_TRUE(client.get(kNode));
  std::ofstream(at("token")) << "new\n";
  fs::last_write_time(at("token"), written);
  api.will(kGet, refusal);
  api.will(kGet, {.body = "{}"});
  EXPECT_TRUE(client.get(kNode));
  api.will(kGet, refusal);
  EXPECT_EQ(client.get(kNode).error().error.message,
            "Unauthorized. Next step: check the token of the kubeconfig's user");
  EXPECT_THAT(tokens(api), ElementsAre("Bearer old", "Bearer old", "Bearer new", "Bearer new"));
}

TEST_F(CredentialsTest, ACaThatIsReplacedIsTheOneThatCounts) {
  FakeApi api(FakeApi::Transport::kTls);
  const std::string stranger = http::make_authority("stranger", runtime::RealClock().wall())->certificate_pem;
  Access access = api.access();
  const std::string ours = std::exchange(access.ca_pem, "");
  access.ca_file = at("..data/ca.crt");
  access.token_file = at("..data/token");
  project("1", stranger, "one");
  Client client(access);
  for (int i = 0; i < 2; ++i) api.will(kGet, {.body = "{}"});
  EXPECT_THAT(client.get(kNode).error().error.message, HasSubstr("is not signed by the CA"));
  project("2", ours, "two");
  EXPECT_TRUE(client.get(kNode));
  project("3", stranger, "three");
  EXPECT_EQ(client.get(kNode).error().error.code, Code::kDenied);
  project("4", stranger + ours, "four");
  EXPECT_TRUE(client.get(kNode));
  EXPECT_THAT(tokens(api), ElementsAre("Bearer two", "Bearer four"));
}

TEST_F(CredentialsTest, AClientCertificateThatIsReplacedIsShownFromTheNextRequestOn) {
  FakeApi api(FakeApi::Transport::kTlsWithClients);
  const auto first = identity("one"), second = identity("two");
  Access access = api.access();
  access.certificate_file = write("tls.crt", first.certificate_pem);
  access.key_file = write("tls.key", first.private_key_pem);
  Client client(access);
  for (int i = 0; i < 3; ++i) api.will(kGet, {.body = "{}"});
  EXPECT_TRUE(client.get(kNode));
  // Half of the new pair is no reason to stop: the old one goes on.
  write("tls.crt", second.certificate_pem);
  EXPECT_TRUE(client.get(kNode));
  EXPECT_THAT(api.clients(), ElementsAre(first.certificate_pem));
  write("tls.key", second.private_key_pem);
  EXPECT_TRUE(client.get(kNode));
  EXPECT_THAT(api.clients(), ElementsAre(first.certificate_pem, second.certificate_pem));
}

TEST_F(CredentialsTest, WhatCannotBeReadLeavesWhatWasKnown) {
  const Access access{.server = "https://h", .token_file = write("token", "one")};
  CredentialSource source(access);
  EXPECT_TRUE(*source.refresh(Look::kWhenChanged));
  EXPECT_FALSE(*source.refresh(Look::kWhenChanged));
  write("token", "\n");
  EXPECT_FALSE(*source.refresh(Look::kWhenChanged));
  fs::remove(at("token"));
  EXPECT_FALSE(*source.refresh(Look::kAgain));
  EXPECT_EQ(source.now().token, "one");
  write("token", "two");
  EXPECT_TRUE(*source.refresh(Look::kWhenChanged));
  EXPECT_EQ(source.now().token, "two");
}

TEST_F(CredentialsTest, WithoutAnythingKnownTheFaultIsSaid) {
  CredentialSource none({.server = "https://h", .token_file = at("token")});
  EXPECT_EQ(none.refresh(Look::kWhenChanged).error().code, Code::kNotFound);
  write("token", " \n");
  EXPECT_THAT(none.refresh(Look::kWhenChanged).error().message, EndsWith("token is empty"));
}

}  // namespace
}  // namespace slipway::kube
