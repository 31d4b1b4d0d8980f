#include "values/domain/object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::domain {
namespace {

using ::testing::HasSubstr;

Object full() {
  return {.key = {Kind::kModelDeployment, "default", "credit"},
          .meta = {.uid = "11111111-0000-4000-8000-000000000000",
                   .resource_version = 18446744073709551615u,
                   .generation = 3,
                   .created = "2026-01-01T00:00:00Z",
                   .generate_name = "cre",
                   .labels = {{"a/b", "c"}, {"d", ""}},
                   .annotations = {{"note", "a \"quoted\" word\n\xC3\xA9"}},
                   .owners = R"([{"kind":"Pod","name":"x"}])"},
          .content = R"({"spec":{"model":"credit"}})",
          .status = R"({"replicas":2})"};
}

TEST(Object, IsTheSameAfterBeingWrittenAndRead) {
  for (const KindInfo& kind : kinds()) {
    Object object = full();
    object.key.kind = kind.kind;
    const std::string text = to_json(object);
    const auto document = json::parse_document(text);
    ASSERT_TRUE(document) << text;
    EXPECT_EQ(json::text_of(*document, "kind"), kind.name);
    EXPECT_EQ(json::text_of(*document, "apiVersion"), api_version(kind.kind));
    const auto read = to_object(kind.kind, *document);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, object);
    EXPECT_EQ(json::canonical(*document), text) << "what is written is canonical";
  }
}

TEST(Object, WithoutAnythingIsWrittenShort) {
  const Object bare{.key = {Kind::kEvent, "", "e"}, .meta = {}};
  EXPECT_EQ(to_json(bare), R"({"apiVersion":"v1","kind":"Event","metadata":{"name":"e"}})");
  EXPECT_EQ(*to_object(Kind::kEvent, *json::parse_document(to_json(bare))), bare);
}

TEST(Object, MetadataOfAWrongTypeIsRefusedWithItsName) {
  struct Row {
    const char *metadata, *says;
  };
  for (const Row& row :
       {Row{R"([])", "metadata must be an object"}, Row{R"({"name":7})", "metadata.name must be a string"},
        Row{R"({"namespace":{}})", "metadata.namespace"}, Row{R"({"uid":1})", "metadata.uid"},
        Row{R"({"labels":[]})", "metadata.labels must be an object of strings"},
        Row{R"({"labels":{"a":true}})", "metadata.labels.a"},
        Row{R"({"annotations":{"a":null}})", "metadata.annotations.a"},
        Row{R"({"resourceVersion":7})", "metadata.resourceVersion"},
        Row{R"({"resourceVersion":"seven"})", "resourceVersion"},
        Row{R"({"resourceVersion":"-1"})", "resourceVersion"},
        Row{R"({"resourceVersion":"18446744073709551616"})", "resourceVersion"},
        Row{R"({"creationTimestamp":0})", "metadata.creationTimestamp"}}) {
    const auto read = to_object(Kind::kEvent, {{"metadata", *json::parse_document(row.metadata)}});
    ASSERT_FALSE(read) << row.metadata;
    EXPECT_EQ(read.error().code, Code::kInvalid);
    EXPECT_THAT(read.error().message, HasSubstr(row.says));
  }
}

TEST(Object, NullsOfOtherClientsAreAbsent) {
  const auto read = to_object(
      Kind::kEvent,
      *json::parse_document(
          R"({"metadata":{"name":"e","creationTimestamp":null,"labels":null,"ownerReferences":[],"managedFields":[{}]},"status":null})"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, (Object{.key = {Kind::kEvent, "", "e"}, .meta = {}}));
}

TEST(ObjectKey, IsCalledAsErrorsNameIt) { EXPECT_EQ(full().key.str(), "modeldeployments/credit"); }

}  // namespace
}  // namespace slipway::domain
