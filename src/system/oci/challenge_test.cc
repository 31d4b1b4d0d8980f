#include "system/oci/challenge.h"

#include <gtest/gtest.h>

#include <random>

namespace slipway::oci {
namespace {

using Scheme = Challenge::Scheme;

Challenge read(std::vector<std::string> headers) {
  http::Response response{.status = 401};
  for (std::string& each : headers) response.headers.emplace_back("www-authenticate", std::move(each));
  return read_challenge(response);
}

TEST(Challenge, OfATokenServerIsReadWhole) {
  const Challenge asked = read(
      {R"(Bearer realm="https://auth.example.org/token",service="registry.example.org",scope="repository:a/b:pull,push")"});
  EXPECT_EQ(asked.scheme, Scheme::kBearer);
  EXPECT_EQ(asked.realm, "https://auth.example.org/token");
  EXPECT_EQ(asked.service, "registry.example.org");
  EXPECT_EQ(asked.scope, "repository:a/b:pull,push");
}

TEST(Challenge, BearerGoesBeforeBasicWhateverTheirOrder) {
  EXPECT_EQ(read({R"(Basic realm="r", bearer REALM=token)"}).realm, "token");
  EXPECT_EQ(read({R"(Basic realm="r")", R"(Bearer realm="t")"}).scheme, Scheme::kBearer);
  EXPECT_EQ(read({R"(BASIC realm="r")"}).scheme, Scheme::kBasic);
}

TEST(Challenge, OfWhatWeDoNotSpeakIsNone) {
  EXPECT_EQ(read({}).scheme, Scheme::kNone);
  EXPECT_EQ(read({"Negotiate YWJj=="}).scheme, Scheme::kNone);
  EXPECT_EQ(read({R"(Digest realm="r", nonce="Basic realm=x")"}).scheme, Scheme::kNone);
  EXPECT_EQ(read({"Bearer"}).scheme, Scheme::kNone) << "nobody knows where its tokens are given";
}

TEST(Challenge, HoldsQuotedPairs) { EXPECT_EQ(read({R"(Bearer realm="a\"b")"}).realm, "a\"b"); }

TEST(Challenge, OfAnyBytesEnds) {
  std::mt19937 random(1);
  const std::string parts = "Bearer Basic realm=\"\\\", =\t\x01\xff,,";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (size_t k = random() % 60; k > 0; --k) text += parts[random() % parts.size()];
    read({text});
  }
}

TEST(Place, IsWhomToConnectToAndWhatToAsk) {
  const auto place = parse_place("https://auth.example.org:8443/token?a=b#c");
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(place->url.address.str(), "auth.example.org:8443");
  EXPECT_TRUE(place->url.tls);
  EXPECT_EQ(place->target, "/token?a=b");
  EXPECT_EQ(parse_place("http://h")->target, "/");
  EXPECT_EQ(parse_place("http://h?x")->target, "/?x");
  for (const char* wrong : {"", "auth.example.org/token", "file:///etc/passwd", "https://", "https://:1/",
                            "gopher://h/", "https://user:secret@h/", "https://h\\evil/\n"})
    EXPECT_FALSE(parse_place(wrong)) << wrong;
}

TEST(Token, IsOneThatFitsIntoAHeader) {
  EXPECT_EQ(read_token(R"({"token": "abc", "expires_in": 300})")->seconds, 300);
  EXPECT_EQ(read_token(R"({"access_token": "abc"})")->text, "abc");
  for (const char* wrong :
       {"", "{}", R"({"token": ""})", R"({"token": 1})", R"({"token": "a\r\nb: c"})", "[]"})
    EXPECT_FALSE(read_token(wrong)) << wrong;
}

TEST(Escape, LeavesWhatAQueryTakes) {
  EXPECT_EQ(escape("repository:a/b_c:pull"), "repository%3Aa%2Fb_c%3Apull");
}

}  // namespace
}  // namespace slipway::oci
