#include "values/json/document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::json {
namespace {

TEST(Document, KeepsWholeNumbersWholeAndSortsKeys) {
  const auto document =
      parse_document(R"({"b": 1, "a": [1.5, -9223372036854775808, true, null, "x\u0041"]})");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(canonical(*document), R"({"a":[1.5,-9223372036854775808,true,null,"xA"],"b":1})");
}

TEST(Document, SaysWhichKeysStandTwiceAndTakesTheLast) {
  std::vector<std::string> duplicates;
  const auto document =
      parse_document(R"({"spec":{"model":"a","steps":[{"w":1,"w":2}],"model":"b"}})", {}, &duplicates);
  ASSERT_TRUE(document);
  EXPECT_EQ(text_of((*document)["spec"], "model"), "b");
  EXPECT_EQ(duplicates, (std::vector<std::string>{"spec.steps[0].w", "spec.model"}));
}

TEST(Document, HoldsItsLimits) {
  EXPECT_EQ(parse_document("[[[[]]]]", {.depth = 3}).error().code, Code::kInvalid);
  EXPECT_EQ(parse_document("[1,2,3]", {.nodes = 3}).error().code, Code::kTooLarge);
  EXPECT_EQ(parse_document("[1,2,3]", {.bytes = 3}).error().code, Code::kTooLarge);
  EXPECT_EQ(parse_document("{\"a\":1").error().code, Code::kInvalid);
  EXPECT_EQ(parse_document("1e999").error().code, Code::kInvalid);
  EXPECT_FALSE(parse_document(std::string(1'000'000, '[')));
}

TEST(Document, MembersOfAnythingCanBeAskedFor) {
  const auto document = parse_document(R"({"a":"x","n":1})");
  EXPECT_EQ(text_of(*document, "a"), "x");
  EXPECT_EQ(text_of(*document, "n"), "");
  EXPECT_TRUE(member((*document)["a"], "b").is_null());
}

}  // namespace
}  // namespace slipway::json
