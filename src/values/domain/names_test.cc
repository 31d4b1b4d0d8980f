#include "values/domain/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "values/domain/selector.h"

namespace slipway::domain {
namespace {

std::string of(size_t count, char c = 'a') { return std::string(count, c); }

TEST(Names, AreSubdomains) {
  for (const std::string& name :
       {std::string("a"), std::string("credit-3"), std::string("0.1"), std::string("a.b-c.d"), of(253)})
    EXPECT_TRUE(check_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("A"), std::string("-a"), std::string("a-"), std::string("a..b"),
        std::string(".a"), std::string("a."), std::string("a_b"), std::string("a/b"), std::string("a b"),
        std::string("\xC3\xA9"), std::string("a\0b", 3), of(254)})
    EXPECT_EQ(check_name(name).error().code, Code::kInvalid) << name;
}

TEST(LabelKeys, HaveAPrefixAndAName) {
  for (const std::string& key : {std::string("a"), std::string("A_b.c-1"),
                                 std::string("slipway.dev/deployment"), of(63), "x/" + of(63)})
    EXPECT_TRUE(check_label_key(key)) << key;
  for (const std::string& key :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a/b/c"), std::string("-a"),
        std::string("a-"), std::string("UP.dev/a"), std::string("a b"), of(64), of(254) + "/a"})
    EXPECT_FALSE(check_label_key(key)) << key;
}

TEST(LabelValues, AreShortAndMayBeEmpty) {
  for (const std::string& value : {std::string(), std::string("a"), std::string("A_b.c-1"), of(63)})
    EXPECT_TRUE(check_label_value(value)) << value;
  for (const std::string& value :
       {std::string("-a"), std::string("a."), std::string("a b"), std::string("a/b"), of(64)})
    EXPECT_FALSE(check_label_value(value)) << value;
}

TEST(Annotations, MayBeLargeButNotTogether) {
  EXPECT_TRUE(check_annotations({{"Up.dev/a", of(200'000)}, {"b", "any \n text"}}));
  EXPECT_FALSE(check_annotations({{"a", of(200'000)}, {"b", of(100'000)}}));
  EXPECT_FALSE(check_annotations({{"a b", ""}}));
}

TEST(VersionNames, AreAModelAndANumber) {
  const auto name = parse_version_name("credit-risk-12");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->model, "credit-risk");
  EXPECT_EQ(name->version, 12);
  for (const char* text : {"", "credit", "-1", "credit-", "credit-0", "credit-01", "credit-x", "credit-1x",
                           "credit-99999999999999999999", "credit--"})
    EXPECT_FALSE(parse_version_name(text)) << text;
}

const Labels kLabels{{"app", "credit"}, {"tier", "gold"}, {"size", "12"}, {"empty", ""}};

TEST(Selector, SelectsAsKubernetesDoes) {
  struct Row {
    const char* text;
    bool matches;
  };
  for (const Row& row : {Row{"", true},
                         Row{"app=credit", true},
                         Row{"app==credit", true},
                         Row{"app = credit", true},
                         Row{"app!=credit", false},
                         Row{"app!=x", true},
                         Row{"none!=x", true},
                         Row{"none=", false},
                         Row{"empty=", true},
                         Row{"empty", true},
                         Row{"app", true},
                         Row{"none", false},
                         Row{"!none", true},
                         Row{"!app", false},
                         Row{"tier in (gold, silver)", true},
                         Row{"tier in (iron)", false},
                         Row{"tier notin (gold)", false},
                         Row{"none notin (gold)", true},
                         Row{"none in (gold)", false},
                         Row{"empty in (,x)", true},
                         Row{"size>11", true},
                         Row{"size>12", false},
                         Row{"size<13", true},
                         Row{"app>1", false},
                         Row{"none<1", false},
                         Row{"app=credit,tier=gold", true},
                         Row{"app=credit,tier=iron", false},
                         Row{" app = credit , !none ", true}}) {
    const auto selector = Selector::parse(row.text);
    ASSERT_TRUE(selector) << row.text << ": " << selector.error().message;
    EXPECT_EQ(selector->matches(kLabels), row.matches) << row.text;
    EXPECT_EQ(selector->everything(), std::string_view(row.text).empty());
  }
}

TEST(Selector, WhatIsNoSelectorIsRefused) {
  for (const char* text : {"app=credit,", ",app", "app=credit tier=gold", "app in", "app in credit",
                           "app in (", "app in (credit", "app in (credit silver)", "=x", "!", "!!a", "app=-x",
                           "a b", "app=(x)", "size>x", "size>", "-a=b", "app=a=b", "app<>1"})
    EXPECT_EQ(Selector::parse(text).error().code, Code::kInvalid) << text;
  std::string many = "app in (";
  for (int i = 0; i < 5000; ++i) many += "x,";
  EXPECT_FALSE(Selector::parse(many + "x)"));
}

}  // namespace
}  // namespace slipway::domain
