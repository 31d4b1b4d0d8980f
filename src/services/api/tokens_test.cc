#include "services/api/tokens.h"

#include <gtest/gtest.h>

namespace slipway::api {
namespace {

TEST(Tokens, TheRightTokenAloneIsTheAdmin) {
  const Tokens tokens(base::sha256("sesame"));
  struct Row {
    const char* header;
    bool known;
  };
  // Basic: base64 of user:password.
  for (const Row& row :
       {Row{"Bearer sesame", true}, Row{"bearer sesame", true}, Row{"BEARER sesame", true},
        Row{"Basic dXNlcjpzZXNhbWU=", true}, Row{"basic OnNlc2FtZQ==", true}, Row{"Bearer  sesame", false},
        Row{"Bearer sesame ", false}, Row{"Bearer Sesame", false}, Row{"Bearer", false},
        Row{"Bearer ", false}, Row{"sesame", false}, Row{"Basic sesame", false}, Row{"Basic !!!!", false},
        Row{"Basic c2VzYW1l", false}, Row{"Digest sesame", false}, Row{"", false},
        Row{"Bearer\tsesame", false}}) {
    const base::Header header{"authorization", row.header};
    base::RequestHead head;
    head.headers = std::span(&header, 1);
    const Verdict verdict = tokens.check(head, "modelversions.get");
    EXPECT_EQ(verdict.refusal.status, row.known ? 0 : 401) << row.header;
    EXPECT_EQ(verdict.actor.name, row.known ? "admin" : "") << row.header;
  }
}

TEST(Tokens, HealthIsForEverybodyAndNothingElseIs) {
  const Tokens tokens(base::sha256("sesame"));
  EXPECT_EQ(tokens.check({}, "health.read").refusal.status, 0);
  for (const char* permission : {"", "health", "health.read2", "discovery.read", "modelversions.get"})
    EXPECT_EQ(tokens.check({}, permission).refusal.status, 401) << permission;
}

TEST(Tokens, AHeaderWithoutEndIsNotHashed) {
  const std::string text = "Bearer " + std::string(5000, 'x');
  const Tokens tokens(base::sha256(std::string(5000, 'x')));
  const base::Header header{"authorization", text};
  base::RequestHead head;
  head.headers = std::span(&header, 1);
  EXPECT_EQ(tokens.check(head, "modelversions.get").refusal.status, 401);
}

TEST(Tokens, AreComparedWholeWhereverTheyCameFrom) {
  const Tokens tokens(base::sha256("sesame"));
  EXPECT_TRUE(tokens.is("sesame"));
  for (const char* wrong : {"", "sesam", "sesame ", "Sesame"}) EXPECT_FALSE(tokens.is(wrong)) << wrong;
}

TEST(Tokens, AreLongAndNeverTheSame) {
  const std::string one = make_token(), two = make_token();
  EXPECT_EQ(one.size(), 64u);
  EXPECT_NE(one, two);
}

}  // namespace
}  // namespace slipway::api
