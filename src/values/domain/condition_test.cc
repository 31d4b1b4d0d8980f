#include "values/domain/condition.h"

#include <gtest/gtest.h>

#include <set>

#include <nlohmann/json.hpp>

#include "values/domain/model_version.h"

namespace slipway::domain {
namespace {

using namespace std::chrono_literals;

Condition ready(ConditionStatus status, const std::string& message = "") {
  return {.type = "Ready",
          .status = status,
          .reason = Reason::kVersionNotFound,
          .message = message,
          .observed_generation = 2,
          .since = ""};
}

TEST(Conditions, TheTimeMovesWithTheStatusAlone) {
  std::vector<Condition> all;
  set_condition(all, ready(ConditionStatus::kFalse, "one"), WallTime{0s});
  set_condition(all, ready(ConditionStatus::kFalse, "two"), WallTime{10s});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].since, "1970-01-01T00:00:00Z");
  EXPECT_EQ(all[0].message, "two");
  set_condition(all, ready(ConditionStatus::kTrue), WallTime{20s});
  EXPECT_EQ(find_condition(all, "Ready")->since, "1970-01-01T00:00:20Z");
  EXPECT_EQ(find_condition(all, "Serving"), nullptr);
}

TEST(Conditions, AreTheSameAfterBeingWrittenAndRead) {
  std::vector<Condition> all;
  set_condition(all, ready(ConditionStatus::kUnknown, "m"), WallTime{0s});
  Condition other = ready(ConditionStatus::kTrue);
  other.type = "Serving";
  other.observed_generation = 0;
  set_condition(all, other, WallTime{5s});
  const auto read = parse_conditions(to_document(all));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, all);
  EXPECT_FALSE(
      parse_conditions(*json::parse_document(R"([{"type":"Ready","status":"Maybe","reason":"Pushed"}])")));
  EXPECT_FALSE(
      parse_conditions(*json::parse_document(R"([{"type":"Ready","status":"True","reason":"Whatever"}])")));
}

TEST(Reasons, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Reason reason : all_reasons()) EXPECT_TRUE(names.insert(name(reason)).second) << name(reason);
  EXPECT_FALSE(names.contains("Unknown"));
}

TEST(ModelVersion, IsTheSameAfterBeingWrittenAndRead) {
  const ModelVersion full{.model = "credit",
                          .version = 3,
                          .artifact = "credit@sha256:aa",
                          .digest = "sha256:aa",
                          .format = "ONNX",
                          .framework = "torch",
                          .description = "d",
                          .size = 12,
                          .inputs = {{"x", "FP32", {-1, 4}}},
                          .outputs = {{"y", "INT64", {}}},
                          .source = "./m",
                          .pushed_by = "ann@host",
                          .tool = "slipway"};
  EXPECT_EQ(full.name(), "credit-3");
  EXPECT_EQ(*parse_model_version(to_content(full)), full);
  const ModelVersion bare{.model = "credit", .artifact = "a", .digest = "d", .format = "f"};
  EXPECT_EQ(*parse_model_version(to_content(bare)), bare);
  EXPECT_FALSE(to_content(bare)["spec"].contains("signature"));
}

TEST(ModelVersion, WhatIsNoneIsRefused) {
  for (const char* text :
       {"{}", "[]", R"({"spec":{"model":"m","digest":"d"}})",
        R"({"spec":{"model":"m","digest":"d","version":"1"}})", R"({"spec":{"model":"m","version":1}})"})
    EXPECT_EQ(parse_model_version(*json::parse_document(text)).error().code, Code::kInvalid) << text;
}

}  // namespace
}  // namespace slipway::domain
