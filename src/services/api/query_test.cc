#include "services/api/internal/query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/api/internal/filter.h"

namespace slipway::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Parameters parameters(std::string_view query) {
  auto parsed = Parameters::parse(query);
  EXPECT_TRUE(parsed) << query;
  return parsed ? *parsed : Parameters();
}

TEST(Parameters, AreDecodedAndTheFirstWins) {
  const Parameters some = parameters("a=1&b=x%2Cy+z&a=2&flag&&=v");
  EXPECT_EQ(some.get("a"), "1");
  EXPECT_THAT(some.all("a"), ElementsAre("1", "2"));
  EXPECT_EQ(some.get("b"), "x,y z");
  EXPECT_TRUE(some.has("flag"));
  EXPECT_FALSE(some.has("absent"));
  EXPECT_EQ(some.get("absent"), "");
}

TEST(Parameters, AMalformedEscapeAndTooManyAreRefused) {
  for (const char* query : {"a=%", "a=%4", "a=%zz", "%4g=1", "a=1&b=%4"})
    EXPECT_EQ(Parameters::parse(query).error().code, Code::kInvalid) << query;
  EXPECT_TRUE(Parameters::parse("a=%41"));
  std::string many;
  for (int i = 0; i < 65; ++i) many += "a=1&";
  EXPECT_FALSE(Parameters::parse(many));
}

struct ListRow {
  const char* why;
  const char* query;
  int code;  // 0: accepted
  const char* says = "";
};

TEST(ListQuery, IsHeldToTheRulesBetweenItsParameters) {
  for (const ListRow& row : {
           ListRow{"nothing is asked", "", 0},
           ListRow{"unknown parameters are ignored", "pretty=true&x=y", 0},
           ListRow{"a page", "limit=500&resourceVersion=0", 0},
           ListRow{"an exact version", "resourceVersion=7&resourceVersionMatch=Exact", 0},
           ListRow{"a limit that is no number", "limit=many", 400, "limit"},
           ListRow{"a negative limit", "limit=-1", 400, "limit"},
           ListRow{"a version that is no number", "resourceVersion=new", 400, "resourceVersion"},
           ListRow{"a time-out that is no number", "timeoutSeconds=1s", 400, "timeoutSeconds"},
           ListRow{"a match of another name", "resourceVersion=7&resourceVersionMatch=exact", 422,
                   "Unsupported value"},
           ListRow{"a match without a version", "resourceVersionMatch=Exact", 422,
                   "unless resourceVersion is provided"},
           ListRow{"exactly any version", "resourceVersion=0&resourceVersionMatch=Exact", 422, "forbidden"},
           ListRow{"a match on a later page",
                   "resourceVersion=7&resourceVersionMatch=Exact&continue=312f642f61", 422,
                   "when continue is provided"},
           ListRow{"initial events of a list", "sendInitialEvents=true", 422, "forbidden for list"},
           ListRow{"initial events without a match", "watch=1&sendInitialEvents=true", 422, "NotOlderThan"},
           ListRow{"a match of a watch", "watch=1&resourceVersion=7&resourceVersionMatch=NotOlderThan", 422,
                   "forbidden for watch"},
           ListRow{
               "a watch from what is there",
               "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
               0},
           ListRow{"a token of somebody else", "continue=zz", 400, "continue"},
           ListRow{"a label selector that breaks off", "labelSelector=a+in+(b", 400, "parse"},
           ListRow{"a field selector without a value", "fieldSelector=metadata.name", 400, "selector"},
       }) {
    const auto query = parse_list_query(parameters(row.query));
    EXPECT_EQ(query ? 0 : query.error().code, row.code) << row.why;
    if (!query) {
      EXPECT_THAT(query.error().message, HasSubstr(row.says)) << row.why;
    }
  }
}

TEST(ListQuery, ATimeOutHasALimit) {
  EXPECT_EQ(parse_list_query(parameters("timeoutSeconds=99999999999"))->timeout_seconds, 24 * 3600);
}

TEST(FieldSelector, ReadsTermsAndTheirSigns) {
  const auto terms = parse_field_selector("metadata.name=a,metadata.namespace!=b,type==c,reason=");
  ASSERT_TRUE(terms);
  ASSERT_EQ(terms->size(), 4u);
  EXPECT_EQ((*terms)[0].field + (*terms)[0].value, "metadata.namea");
  EXPECT_EQ((*terms)[1].field, "metadata.namespace");
  EXPECT_FALSE((*terms)[1].equal);
  EXPECT_EQ((*terms)[2].value, "c");
  EXPECT_EQ((*terms)[3].value, "");
}

TEST(FieldSelector, ATermWithoutAFieldIsRefused) {
  for (const char* text : {"=x", "==x", "!=x", "a", "a,b=c", "a!"})
    EXPECT_FALSE(parse_field_selector(text)) << text;
}

TEST(ContinueToken, SaysWhereThePageEnded) {
  const auto at = parse_token(to_token({.version = 7, .space = "default", .name = "credit.x"}));
  ASSERT_TRUE(at);
  EXPECT_EQ(at->version, 7u);
  EXPECT_EQ(at->space, "default");
  EXPECT_EQ(at->name, "credit.x");
}

TEST(ContinueToken, WhatWeDidNotMakeIsRefused) {
  for (const char* token : {"0", "00", "zz", "2f2f", "302f2f" /* version 0 */, "372f61" /* one slash */})
    EXPECT_EQ(parse_token(token).error().code, Code::kInvalid) << token;
  EXPECT_FALSE(parse_token(std::string(2050, '0')));
}

TEST(WriteQuery, KnowsDryRunAndValidation) {
  const auto query =
      parse_write_query(parameters("dryRun=All&fieldValidation=Strict&fieldManager=me"), "CreateOptions");
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->dry_run);
  EXPECT_EQ(query->validation, FieldValidation::kStrict);
  EXPECT_EQ(query->manager, "me");
  EXPECT_EQ(parse_write_query(parameters(""), "CreateOptions")->validation, FieldValidation::kWarn);
  EXPECT_EQ(parse_write_query(parameters("dryRun=None"), "CreateOptions").error().code, 422);
  EXPECT_EQ(parse_write_query(parameters("dryRun=All&dryRun=x"), "CreateOptions").error().code, 422);
  const auto wrong = parse_write_query(parameters("fieldValidation=strict"), "PatchOptions");
  EXPECT_THAT(wrong.error().message, HasSubstr("PatchOptions.meta.k8s.io"));
}

domain::Object event(const std::string& name, const std::string& content) {
  return {.key = {domain::Kind::kEvent, "default", name},
          .meta = {.labels = {{"team", "risk"}}},
          .content = content};
}

TEST(Filter, SelectsByLabelsAndFields) {
  const domain::Object object = event(
      "credit.1",
      R"({"involvedObject":{"kind":"ModelDeployment","name":"credit"},"reason":"Pushed","source":{"component":"control"},"type":"Normal"})");
  struct Row {
    const char *labels, *fields;
    bool fits;
  };
  for (const Row& row :
       {Row{"", "", true}, Row{"team=risk", "", true}, Row{"team!=risk", "", false},
        Row{"", "metadata.name=credit.1", true}, Row{"", "metadata.name!=credit.1", false},
        Row{"", "metadata.namespace=other", false}, Row{"", "involvedObject.name=credit", true},
        Row{"", "involvedObject.name=credit,involvedObject.kind=ModelVersion", false},
        Row{"", "source=control", true}, Row{"", "type!=Warning", true}, Row{"", "reportingComponent=", true},
        Row{"team", "reason=Pushed", true}}) {
    auto filter = Filter::make(domain::Kind::kEvent, *domain::Selector::parse(row.labels),
                               *parse_field_selector(row.fields));
    ASSERT_TRUE(filter);
    EXPECT_EQ(filter->matches(object), row.fits) << row.labels << " " << row.fields;
  }
}

TEST(Filter, AFieldThatCannotBeSelectedByIsRefused) {
  const auto fields = *parse_field_selector("spec.model=credit");
  const auto filter = Filter::make(domain::Kind::kModelDeployment, {}, fields);
  ASSERT_FALSE(filter);
  EXPECT_EQ(filter.error().code, 400);
  EXPECT_EQ(filter.error().message, "field label not supported: spec.model");
  EXPECT_FALSE(Filter::make(domain::Kind::kModelVersion, {}, *parse_field_selector("type=Normal")));
}

}  // namespace
}  // namespace slipway::api
