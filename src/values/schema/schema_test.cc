#include "values/schema/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::schema {
namespace {

using json::Document;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Document parsed(std::string_view text) {
  auto document = json::parse_document(text);
  EXPECT_TRUE(document) << text;
  return document ? std::move(*document) : Document();
}

// One of everything that a schema may hold.
const Document kStructural = parsed(R"({
  "type": "object",
  "required": ["spec"],
  "properties": {
    "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}},
    "spec": {
      "type": "object",
      "required": ["name"],
      "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 8, "pattern": "^[a-z]+$"},
        "mode": {"type": "string", "enum": ["fast", "safe"], "default": "fast"},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "count": {"type": "integer", "format": "int32"},
        "on": {"type": "boolean"},
        "when": {"type": "string", "format": "date-time"},
        "rest": {"type": "object", "default": {}, "properties": {"depth": {"type": "integer", "default": 3}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "texts": {"type": "object", "additionalProperties": {"type": "string"}},
        "parts": {"type": "array", "minItems": 1, "maxItems": 3, "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["id"],
          "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "size": {"type": "integer", "default": 1}}}}
      },
      "x-kubernetes-validations": [
        {"rule": "self.name != 'bad'", "message": "bad is bad"},
        {"rule": "self.name == oldSelf.name", "message": "the name stays"}
      ]
    }
  }
})");

const RuleBook kTwins{
    {"self.name != 'bad'",
     [](const Document& self, const Document*) { return json::text_of(self, "name") != "bad"; }},
    {"self.name == oldSelf.name", [](const Document& self, const Document* before) {
       return before == nullptr || self["name"] == (*before)["name"];
     }}};

Schema schema() { return std::move(*Schema::compile(kStructural, kTwins)); }

TEST(Schema, FillsInDefaultsFromTheOutsideIn) {
  Document value =
      parsed(R"({"metadata":{},"spec":{"name":"ab","mode":null,"parts":[{"id":1},{"id":2,"size":5}]}})");
  schema().apply_defaults(value);
  EXPECT_EQ(
      value,
      parsed(
          R"({"metadata":{},"spec":{"name":"ab","mode":"fast","rest":{"depth":3},"parts":[{"id":1,"size":1},{"id":2,"size":5}]}})"));
}

TEST(Schema, DropsWhatItDoesNotKnowAndSaysWhere) {
  Document value = parsed(R"({"apiVersion":"v1","kind":"X","metadata":{"anything":1},"extra":1,
    "spec":{"name":"ab","x":{},"free":{"y":{"z":1}},"texts":{"any":"t"},"parts":[{"id":1,"q":2}],"rest":7}})");
  std::vector<std::string> unknown;
  schema().prune(value, unknown);
  EXPECT_THAT(unknown, ElementsAre("extra", "spec.parts[0].q", "spec.x"));
  EXPECT_EQ(value, parsed(R"({"apiVersion":"v1","kind":"X","metadata":{"anything":1},
    "spec":{"name":"ab","free":{"y":{"z":1}},"texts":{"any":"t"},"parts":[{"id":1}],"rest":7}})"));
}

struct Row {
  const char* why;
  const char* spec;
  const char *field, *reason, *message;  // of the first error; field empty: all is well
};

TEST(Schema, SaysEachKindOfErrorAsAnApiServerDoes) {
  for (
      const Row& row : {
          Row{"all is well",
              R"({"name":"ab","mode":"safe","share":0.5,"count":7,"on":true,"when":"2026-01-31T10:00:00Z","parts":[{"id":1},{"id":2}]})",
              "", "", ""},
          Row{"a member is missing", "{}", "spec.name", "FieldValueRequired", "Required value"},
          Row{"a member of an item is missing", R"({"name":"ab","parts":[{}]})", "spec.parts[0].id",
              "FieldValueRequired", "Required value"},
          Row{"another type", R"({"name":7})", "spec.name", "FieldValueTypeInvalid",
              "must be of type string: \"integer\""},
          Row{"null is a type", R"({"name":"ab","on":null})", "spec.on", "FieldValueTypeInvalid",
              "must be of type boolean: \"null\""},
          Row{"a fraction for a whole number", R"({"name":"ab","count":1.5})", "spec.count",
              "FieldValueTypeInvalid", "must be of type integer: \"number\""},
          Row{"a whole number written with a point", R"({"name":"ab","count":2.0})", "", "", ""},
          Row{"a whole number for a number", R"({"name":"ab","share":1})", "", "", ""},
          Row{"not one of the choices", R"({"name":"ab","mode":"slow"})", "spec.mode",
              "FieldValueNotSupported", R"(Unsupported value: "slow": supported values: "fast", "safe")"},
          Row{"too long", R"({"name":"abcdefghi"})", "spec.name", "FieldValueTooLong",
              "may not be more than 8 bytes"},
          Row{"too short", R"({"name":"a"})", "spec.name", "FieldValueInvalid", "at least 2 chars long"},
          Row{"not the pattern", R"({"name":"AB"})", "spec.name", "FieldValueInvalid",
              "should match '^[a-z]+$'"},
          Row{"below", R"({"name":"ab","share":-0.5})", "spec.share", "FieldValueInvalid",
              "greater than or equal to 0"},
          Row{"above", R"({"name":"ab","share":1.5})", "spec.share", "FieldValueInvalid",
              "less than or equal to 1"},
          Row{"over 32 bits", R"({"name":"ab","count":2147483648})", "spec.count", "FieldValueInvalid",
              "must be of type int32"},
          Row{"no date", R"({"name":"ab","when":"yesterday"})", "spec.when", "FieldValueTypeInvalid",
              "date-time"},
          Row{"too few", R"({"name":"ab","parts":[]})", "spec.parts", "FieldValueInvalid",
              "at least 1 items"},
          Row{"too many", R"({"name":"ab","parts":[{"id":1},{"id":2},{"id":3},{"id":4}]})", "spec.parts",
              "FieldValueTooMany", "at most 3 items"},
          Row{"the same key twice", R"({"name":"ab","parts":[{"id":1},{"id":1}]})", "spec.parts[1]",
              "FieldValueDuplicate", R"(Duplicate value: {"id":1})"},
          Row{"a member that all look alike", R"({"name":"ab","texts":{"k":1}})", "spec.texts.k",
              "FieldValueTypeInvalid", "must be of type string"},
          Row{"a rule", R"({"name":"bad"})", "spec", "FieldValueInvalid", "Invalid value: bad is bad"},
      }) {
    const auto errors = schema().validate({{"spec", parsed(row.spec)}}, nullptr);
    if (*row.field == '\0') {
      EXPECT_THAT(errors, IsEmpty()) << row.why << ": " << to_text(errors);
      continue;
    }
    ASSERT_FALSE(errors.empty()) << row.why;
    EXPECT_EQ(errors[0].field, row.field) << row.why;
    EXPECT_EQ(errors[0].reason, row.reason) << row.why;
    EXPECT_THAT(errors[0].message, HasSubstr(row.message)) << row.why;
  }
}

TEST(Schema, DatesAreDates) {
  struct Date {
    const char* text;
    bool fine;
  };
  for (const Date& row :
       {Date{"2026-01-31T23:59:59Z", true}, Date{"2026-01-31T23:59:59.123456Z", true},
        Date{"2026-01-31T23:59:59+05:30", true}, Date{"2024-02-29T00:00:00Z", true},
        Date{"2026-02-29T00:00:00Z", false}, Date{"2026-13-01T00:00:00Z", false},
        Date{"2026-00-01T00:00:00Z", false}, Date{"2026-01-01T24:00:00Z", false},
        Date{"2026-01-01T00:60:00Z", false}, Date{"2026-01-31", false}, Date{"2026-01-31T23:59:59", false},
        Date{"2026-01-31T23:59:59.1.2Z", false}, Date{"2026-01-31T23:59:59.Z", false},
        Date{"2026-01-31T23:59:59+5:30", false}, Date{"2026-01-31T23:59:59+ab:cd", false},
        Date{"2026-01-31T23:59:59ZZ", false}, Date{"", false}})
    EXPECT_EQ(schema().validate({{"spec", {{"name", "ab"}, {"when", row.text}}}}, nullptr).empty(), row.fine)
        << row.text;
}

TEST(Schema, ErrorsOfTheWholeAreAtNil) {
  EXPECT_EQ(schema().validate(7, nullptr)[0].field, "<nil>");
  EXPECT_EQ(schema().validate(Document::object(), nullptr)[0].field, "spec");
}

TEST(Schema, RulesWaitForTheRestToBeRight) {
  const auto errors = schema().validate(parsed(R"({"spec":{"name":"bad","mode":"slow"}})"), nullptr);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].field, "spec.mode");
  EXPECT_THAT(errors[1].message, HasSubstr("some validation rules were not checked"));
}

TEST(Schema, ARuleAboutTheChangeIsAskedOfChangesAlone) {
  const Document before = parsed(R"({"spec":{"name":"ab"}})"), after = parsed(R"({"spec":{"name":"cd"}})");
  EXPECT_THAT(schema().validate(after, nullptr), IsEmpty());
  EXPECT_THAT(schema().validate(before, &before), IsEmpty());
  const auto errors = schema().validate(after, &before);
  EXPECT_EQ(to_text(errors), "spec: Invalid value: the name stays");
}

TEST(Schema, TextOfSeveralErrorsStandsInBrackets) {
  EXPECT_EQ(to_text({{"a", "r", "x"}}), "a: x");
  EXPECT_EQ(to_text({{"a", "r", "x"}, {"b", "r", "y"}}), "[a: x, b: y]");
}

TEST(Schema, WhatWeDoNotCheckIsNotTaken) {
  struct Broken {
    const char *schema, *says;
  };
  for (const Broken& row :
       {Broken{R"({"type":"object","oneOf":[]})", "schema: 'oneOf' is not one of the schema's words"},
        Broken{R"({"type":"object","properties":{"a":{"type":"text"}}})", "schema.a: type 'text'"},
        Broken{R"({"type":"object","properties":{"a":{"type":"string","pattern":"x"}}})",
               "schema.a: a pattern needs a maxLength"},
        Broken{R"({"type":"object","properties":{"a":{"type":"string","maxLength":3,"pattern":"("}}})",
               "schema.a: pattern"},
        Broken{R"({"type":"object","x-kubernetes-validations":[{"rule":"self.x"}]})",
               "the rule `self.x` has no twin"},
        Broken{R"({"type":"object","properties":{"a":7}})", "schema.a: not a schema"},
        Broken{"[]", "schema: not a schema"}}) {
    const auto compiled = Schema::compile(parsed(row.schema), kTwins);
    ASSERT_FALSE(compiled) << row.schema;
    EXPECT_EQ(compiled.error().code, Code::kUnsupported);
    EXPECT_THAT(compiled.error().message, HasSubstr(row.says));
  }
}

TEST(Schema, ALongTextIsMatchedInATimeThatGrowsWithItAlone) {
  const auto compiled = Schema::compile(
      parsed(
          R"({"type":"object","properties":{"a":{"type":"string","maxLength":4096,"pattern":"^([a-z]+)+$"}}})"),
      {});
  ASSERT_TRUE(compiled) << compiled.error().message;
  EXPECT_FALSE(compiled->validate({{"a", std::string(4000, 'a') + "!"}}, nullptr).empty());
}

}  // namespace
}  // namespace slipway::schema
