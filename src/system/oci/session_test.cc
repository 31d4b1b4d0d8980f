// What a registry may ask for, and where it may send us.
#include <gmock/gmock.h>

#include "system/oci/testing/fake_registry.h"

namespace slipway::oci {
namespace {

using ::testing::ElementsAre;
using testing::FakeRegistry;
using ::testing::HasSubstr;
using ::testing::Not;

class SessionTest : public ::testing::Test {
 protected:
  RegistryClient client(Credentials credentials = {}) {
    return {registry_.url(),
            {.timeout_ms = 5000},
            {.attempts = 3,
             .access = {.credentials = std::move(credentials)},
             .sleep = [this](Duration time) { slept_.push_back(time); }}};
  }
  static std::string pull(RegistryClient& from, const std::string& content) {
    std::string out;
    const Status pulled =
        from.pull_blob("credit", {base::sha256(content), content.size()}, [&](std::string_view bytes) {
          out += bytes;
          return ok();
        });
    return pulled ? out : "error: " + pulled.error().message;
  }
  static std::string path(const std::string& content) {
    return FakeRegistry::blob("credit", base::sha256(content));
  }
  FakeRegistry::Handler asking_for_token(const std::string& realm) const {
    return FakeRegistry::with_header(
        401, "www-authenticate",
        "Bearer realm=\"" + realm + "\",service=\"s\",scope=\"repository:credit:pull\"");
  }

  FakeRegistry registry_, other_;
  std::vector<Duration> slept_;
};

TEST_F(SessionTest, BasicIsSentWhenItIsAskedForAndFromThenOn) {
  const auto guarded = FakeRegistry::unless(
      "Basic bWU6c2VjcmV0", FakeRegistry::with_header(401, "www-authenticate", "Basic realm=\"r\""),
      FakeRegistry::text(200, "weights"));
  registry_.on(path("weights"), guarded);
  RegistryClient from = client({.username = "me", .password = "secret"});
  EXPECT_EQ(pull(from, "weights"), "weights");
  EXPECT_EQ(pull(from, "weights"), "weights");
  EXPECT_THAT(registry_.asked(), ElementsAre("GET " + path("weights"),
                                             "GET " + path("weights") + " authorization=Basic bWU6c2VjcmV0",
                                             "GET " + path("weights") + " authorization=Basic bWU6c2VjcmV0"));
}

TEST_F(SessionTest, WithoutCredentialsTheRefusalIsTheRegistrysOwn) {
  registry_.on(path("weights"), FakeRegistry::with_header(401, "www-authenticate", "Basic realm=\"r\"",
                                                          R"({"errors":[{"message":"who are you?"}]})"));
  RegistryClient from = client();
  EXPECT_THAT(pull(from, "weights"), HasSubstr("the registry says 401: who are you?"));
  RegistryClient wrong = client({.username = "me", .password = "wrong"});
  EXPECT_THAT(pull(wrong, "weights"), HasSubstr("401"));
  EXPECT_EQ(registry_.asked().size(), 3u) << "nothing is said twice";
  EXPECT_TRUE(slept_.empty());
}

TEST_F(SessionTest, ATokenIsFetchedWithTheCredentialsAndSentInstead) {
  registry_.on(
      path("weights"),
      FakeRegistry::unless("Bearer T1", asking_for_token("http://" + other_.address() + "/token?x=y"),
                           FakeRegistry::text(200, "weights")));
  other_.give("/token", R"({"token":"T1"})");
  RegistryClient from = client({.username = "me", .password = "secret"});
  EXPECT_EQ(pull(from, "weights"), "weights");
  EXPECT_THAT(
      other_.asked(),
      ElementsAre(
          "GET /token?x=y&service=s&scope=repository%3Acredit%3Apull authorization=Basic bWU6c2VjcmV0"));
}

TEST_F(SessionTest, AnonymousTokensAndRefreshTokensAreFetchedTheirWay) {
  const auto guarded =
      FakeRegistry::unless("Bearer T1", asking_for_token("http://" + other_.address() + "/token"),
                           FakeRegistry::text(200, "weights"));
  registry_.on(path("weights"), guarded);
  other_.give("/token", R"({"access_token":"T1"})");
  RegistryClient anonymous = client();
  EXPECT_EQ(pull(anonymous, "weights"), "weights");
  RegistryClient refreshing = client({.username = "", .password = "", .identity_token = "R"});
  EXPECT_EQ(pull(refreshing, "weights"), "weights");
  EXPECT_THAT(other_.asked(),
              ElementsAre("GET /token?service=s&scope=repository%3Acredit%3Apull", "POST /token"));
}

TEST_F(SessionTest, ATokenThatEndedIsFetchedAgain) {
  registry_.on(path("weights"),
               {FakeRegistry::unless("Bearer T1", asking_for_token("http://" + other_.address() + "/token"),
                                     FakeRegistry::text(200, "weights")),
                FakeRegistry::unless("Bearer T1", asking_for_token("http://" + other_.address() + "/token"),
                                     FakeRegistry::text(200, "weights")),
                FakeRegistry::unless("Bearer T2", asking_for_token("http://" + other_.address() + "/token"),
                                     FakeRegistry::text(200, "weights"))});
  other_.on("/token",
            {FakeRegistry::text(200, R"({"token":"T1"})"), FakeRegistry::text(200, R"({"token":"T2"})")});
  RegistryClient from = client();
  EXPECT_EQ(pull(from, "weights"), "weights");
  EXPECT_EQ(pull(from, "weights"), "weights");
  EXPECT_EQ(other_.asked().size(), 2u);
}

TEST_F(SessionTest, ATokenServerThatRefusesIsNamed) {
  registry_.on(path("weights"), asking_for_token("http://" + other_.address() + "/token"));
  other_.on("/token", FakeRegistry::text(403, R"({"errors":[{"message":"not you\u001b[2J"}]})"));
  RegistryClient from = client();
  EXPECT_THAT(pull(from, "weights"), HasSubstr("/token: the registry says 403: not you [2J"))
      << "without what moves the cursor";
}

TEST_F(SessionTest, ARedirectIsFollowedWithoutWhatIsSecret) {
  registry_.on(
      path("weights"),
      FakeRegistry::unless(
          "Basic bWU6c2VjcmV0", FakeRegistry::with_header(401, "www-authenticate", "Basic"),
          FakeRegistry::with_header(307, "location", "http://" + other_.address() + "/store/1?sig=x")));
  other_.give("/store/1", "weights");
  RegistryClient from(registry_.url(), {.timeout_ms = 5000},
                      {.access = {.credentials = {.username = "me", .password = "secret"},
                                  .headers = {{"x-slipway-token", "own"}}}});
  EXPECT_EQ(pull(from, "weights"), "weights");
  EXPECT_THAT(other_.asked(), ElementsAre("GET /store/1?sig=x"));
  EXPECT_THAT(registry_.asked().front(), HasSubstr("x-slipway-token=own"));
}

TEST_F(SessionTest, ARedirectToTheSameHostKeepsThem) {
  registry_.on(path("weights"), FakeRegistry::with_header(302, "location", "/elsewhere"));
  registry_.on("/elsewhere", FakeRegistry::unless("Basic bWU6c2VjcmV0",
                                                  FakeRegistry::with_header(401, "www-authenticate", "Basic"),
                                                  FakeRegistry::text(200, "weights")));
  RegistryClient from = client({.username = "me", .password = "secret"});
  EXPECT_EQ(pull(from, "weights"), "weights");
}

TEST_F(SessionTest, RedirectsHaveAnEnd) {
  registry_.on(path("weights"), FakeRegistry::with_header(302, "location", path("weights")));
  RegistryClient from = client();
  EXPECT_THAT(pull(from, "weights"), HasSubstr("redirects more than 5 times"));
}

TEST_F(SessionTest, NeitherTokensNorFilesComeFromWhatIsNoPlaceOnTheNetwork) {
  for (const char* where : {"unix:/run/x.sock", "file:///etc/passwd", "ftp://h/", "https://me@h/", "//h/x"}) {
    registry_.on(path("weights"), FakeRegistry::with_header(302, "location", where));
    RegistryClient from = client();
    EXPECT_THAT(pull(from, "weights"), HasSubstr("error:")) << where;
  }
}

// The name is one of this machine, so the connection is made; only what it says of others is judged.
TEST_F(SessionTest, NobodyElsewhereSendsUsToThisMachineNorInPlainText) {
  http::Url url = registry_.url();
  url.address.host = "0x7f.1";  // 127.0.0.1, which the system knows and we take for a name
  for (const auto& [where, why] : std::vector<std::pair<std::string, std::string>>{
           {"https://127.0.0.1:1/", "leads to this machine"},
           {"https://[::1]:1/", "leads to this machine"},
           {"https://[::ffff:127.0.0.1]:1/", "leads to this machine"},
           {"https://0.0.0.0:1/", "leads to this machine"},
           {"https://localhost:1/", "leads to this machine"},
           {"https://2130706433:1/", "leads to this machine"},
           {"https://169.254.169.254/latest/meta-data", "leads to this machine or to its own link"},
           {"http://10.0.0.1/", "over plain HTTP, which is not allowed here"}}) {
    registry_.on(path("weights"), FakeRegistry::with_header(302, "location", where));
    RegistryClient from(url, {.timeout_ms = 2000}, {.attempts = 1});
    EXPECT_THAT(pull(from, "weights"), HasSubstr(why)) << where;
    registry_.on(path("weights"), asking_for_token(where));
    EXPECT_THAT(pull(from, "weights"), HasSubstr(why)) << where;
  }
}

TEST_F(SessionTest, WhatIsBusyIsAskedAgainWhenItSays) {
  registry_.on(path("weights"), {FakeRegistry::with_header(429, "retry-after", "7"),
                                 FakeRegistry::text(503, ""), FakeRegistry::text(200, "weights")});
  RegistryClient from = client();
  EXPECT_EQ(pull(from, "weights"), "weights");
  EXPECT_THAT(slept_, ElementsAre(std::chrono::seconds(7), std::chrono::milliseconds(200)));
}

TEST_F(SessionTest, LocationsBelowAPrefixAreTakenWithoutIt) {
  http::Url url = registry_.url();
  url.prefix = "/proxy/x";
  RegistryClient to(url, {.timeout_ms = 5000}, {});
  registry_.on(
      "/proxy/x/v2/credit/blobs/uploads/",
      FakeRegistry::with_header(
          202, "location", "http://" + registry_.address() + "/proxy/x/v2/credit/blobs/uploads/1?state=2"));
  registry_.on("/proxy/x/v2/credit/blobs/uploads/1", FakeRegistry::text(201, ""));
  const auto pushed = to.push_text("credit", "text");
  ASSERT_TRUE(pushed) << pushed.error().message;
  EXPECT_EQ(registry_.asked().back(),
            "PUT /proxy/x/v2/credit/blobs/uploads/1?state=2&digest=" + base::sha256("text").str());
}

}  // namespace
}  // namespace slipway::oci
