#include "values/domain/definitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include <nlohmann/json.hpp>

namespace slipway::domain {
namespace {

using json::Document;
using ::testing::UnorderedElementsAreArray;

Document parsed(std::string_view text) {
  auto document = json::parse_document(text);
  EXPECT_TRUE(document) << text;
  return document ? std::move(*document) : Document();
}

TEST(Definitions, AgreeWithTheTableOfKinds) {
  for (const KindInfo& kind : kinds()) {
    const schema::Definition& of = definition(kind.kind);
    EXPECT_EQ(info(kind.kind).kind, kind.kind) << "the table is indexed by kind";
    EXPECT_EQ(of.kind, kind.name);
    EXPECT_EQ(of.list_kind, fmt::format("{}List", kind.name));
    EXPECT_EQ(of.plural, kind.plural);
    EXPECT_EQ(of.group, kind.group);
    EXPECT_EQ(of.version, kind.version);
    EXPECT_EQ(of.api_version(), api_version(kind.kind));
  }
}

TEST(Definitions, DescribeEveryFieldOfOurOwnKinds) {
  const auto check = [](const Document& node, const std::string& path, auto&& again) -> void {
    for (const auto& [name, property] : json::member(node, "properties").items()) {
      const std::string here = path + "." + name;
      if (here != ".metadata") {
        EXPECT_FALSE(json::text_of(property, "description").empty()) << here;
        again(property, here, again);
      }
    }
    if (node.contains("items")) again(node["items"], path + "[]", again);
  };
  for (const Kind kind : {Kind::kModelVersion, Kind::kModelDeployment})
    check(*definition(kind).structural, "", check);
}

TEST(Definitions, TheSmallestObjectsOfEachKindAreValid) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::pair<Kind, Document> rows[] = {
      {Kind::kModelVersion,
       {{"metadata", {{"name", "credit-3"}}},
        {"spec",
         {{"model", "credit"},
          {"version", 3},
          {"artifact", "credit@" + digest},
          {"digest", digest},
          {"format", "ONNX"}}}}},
      {Kind::kModelDeployment,
       {{"metadata", {{"name", "credit"}}}, {"spec", {{"model", "credit"}, {"version", 3}}}}},
      {Kind::kEvent,
       parsed(
           R"({"metadata":{"name":"e"},"involvedObject":{"kind":"ModelVersion","name":"credit-3"},"reason":"Pushed","message":"m","type":"Normal"})")},
      {Kind::kEndpointSlice,
       parsed(
           R"({"metadata":{"name":"s"},"addressType":"IPv4","endpoints":[{"addresses":["127.0.0.1"]}]})")}};
  for (auto [kind, document] : rows) {
    definition(kind).schema.apply_defaults(document);
    const auto errors = definition(kind).schema.validate(document, nullptr);
    EXPECT_TRUE(errors.empty()) << schema::to_text(errors);
  }
}

// The rules as they stand in the definitions.
void collect_rules(const Document& node, std::set<std::string>& into) {
  if (node.is_object())
    for (const Document& rule : json::member(node, "x-kubernetes-validations"))
      into.insert(json::text_of(rule, "rule"));
  if (node.is_structured())
    for (const Document& child : node) collect_rules(child, into);
}

struct Case {
  const char* rule;  // how it begins
  const char* self;
  const char* before;  // null: new
  bool holds;
};

const Case kCases[] = {
    {"self.metadata.name.startsWith",
     R"({"metadata":{"name":"credit-3"},"spec":{"model":"credit","version":3}})", nullptr, true},
    {"self.metadata.name.startsWith", R"({"metadata":{"name":"a-1-3"},"spec":{"model":"a-1","version":3}})",
     nullptr, true},
    {"self.metadata.name.startsWith",
     R"({"metadata":{"name":"credit-3"},"spec":{"model":"credit","version":4}})", nullptr, false},
    {"self.metadata.name.startsWith",
     R"({"metadata":{"name":"debit-3"},"spec":{"model":"credit","version":3}})", nullptr, false},
    {"self.metadata.name.startsWith",
     R"({"metadata":{"name":"credit-1-3"},"spec":{"model":"credit","version":3}})", nullptr, false},
    {"self.metadata.name.startsWith",
     R"({"metadata":{"name":"credit"},"spec":{"model":"credit","version":3}})", nullptr, false},
    {"self == oldSelf", R"({"model":"credit","version":3})", nullptr, true},
    {"self == oldSelf", R"({"model":"credit","version":3})", R"({"version":3,"model":"credit"})", true},
    {"self == oldSelf", R"({"model":"credit","version":3})", R"({"model":"credit","version":4})", false},
    {"self == oldSelf", R"({"model":"credit","version":3})", R"({"model":"credit","version":3,"size":1})",
     false},
    {"self.artifact.endsWith", R"({"artifact":"credit@sha256:aa","digest":"sha256:aa"})", nullptr, true},
    {"self.artifact.endsWith", R"({"artifact":"credit@sha256:aa","digest":"sha256:ab"})", nullptr, false},
    {"self.artifact.endsWith", R"({"artifact":"credit:sha256:aa","digest":"sha256:aa"})", nullptr, false},
    {"!has(self.steps) || self.strategy", R"({"strategy":"immediate"})", nullptr, true},
    {"!has(self.steps) || self.strategy", R"({"strategy":"canary","steps":[{"weight":1}]})", nullptr, true},
    {"!has(self.steps) || self.strategy", R"({"strategy":"immediate","steps":[{"weight":1}]})", nullptr,
     false},
    {"!has(self.steps) || self.steps", R"({})", nullptr, true},
    {"!has(self.steps) || self.steps", R"({"steps":[{"weight":1},{"weight":5},{"weight":50}]})", nullptr,
     true},
    {"!has(self.steps) || self.steps", R"({"steps":[{"weight":5},{"weight":5}]})", nullptr, true},
    {"!has(self.steps) || self.steps", R"({"steps":[{"weight":5},{"weight":1}]})", nullptr, false},
};

TEST(Rules, EachThatADefinitionHoldsHasATwinAndNoTwinIsLeftOver) {
  std::set<std::string> held, twins;
  for (const KindInfo& kind : kinds()) collect_rules(*definition(kind.kind).structural, held);
  for (const auto& [rule, twin] : rules()) twins.insert(rule);
  EXPECT_THAT(twins, UnorderedElementsAreArray(held));
  EXPECT_LE(held.size(), 10u) << "more than ten rules: the schema says too little";
}

TEST(Rules, EachTwinSaysTrueAndFalseWhereItShould) {
  for (const auto& [rule, twin] : rules()) {
    std::set<bool> seen;
    for (const Case& each : kCases) {
      if (!std::string_view(rule).starts_with(each.rule)) continue;
      const Document self = parsed(each.self),
                     before = each.before == nullptr ? Document() : parsed(each.before);
      EXPECT_EQ(twin(self, each.before == nullptr ? nullptr : &before), each.holds) << rule << "\n"
                                                                                    << each.self;
      seen.insert(each.holds);
    }
    EXPECT_EQ(seen.size(), 2u) << "no true or no false case: " << rule;
  }
}

}  // namespace
}  // namespace slipway::domain
