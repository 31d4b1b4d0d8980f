#include "services/cli/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/cli/models.h"
#include "services/cli/progress.h"

namespace slipway::cli {
namespace {

using json::Document;

TEST(Kinds, AreFoundByAnyOfTheirNames) {
  for (const char* word : {"mv", "modelversion", "ModelVersions", "modelversions.slipway.dev"})
    EXPECT_EQ(*parse_kind(word), domain::Kind::kModelVersion) << word;
  EXPECT_EQ(*parse_kind("md"), domain::Kind::kModelDeployment);
  EXPECT_EQ(*parse_kind("ev"), domain::Kind::kEvent);
}

TEST(Kinds, AWrongOneIsAnsweredWithTheOneThatWasMeant) {
  EXPECT_THAT(parse_kind("modelversoin").error().message, testing::HasSubstr("did you mean 'modelversion'?"));
  EXPECT_THAT(parse_kind("pods").error().message, testing::HasSubstr("unknown resource 'pods'"));
}

TEST(Named, TakesTypeAndNamesOrPairs) {
  EXPECT_TRUE(parse_named({"mv"})->names.empty());
  EXPECT_EQ(parse_named({"mv", "a-1", "b-2"})->names, (std::vector<std::string>{"a-1", "b-2"}));
  EXPECT_EQ(parse_named({"mv/a-1", "modelversion/b-2"})->names, (std::vector<std::string>{"a-1", "b-2"}));
  EXPECT_FALSE(parse_named({"mv/a-1", "md/b"}));
  EXPECT_FALSE(parse_named({"mv/a-1", "b"}));
}

TEST(Shown, TablesAreAlignedAndHideWhatOnlyWideOnesShow) {
  const Document version =
      Document::parse(R"({"metadata":{"name":"credit-3","creationTimestamp":"2026-01-01T00:00:00Z"},
    "spec":{"model":"credit","version":3,"format":"ONNX","size":7,"digest":"sha256:00"}})");
  const WallTime now = WallTime(std::chrono::seconds(1767225600 + 7200));
  const std::string table = show_table(domain::Kind::kModelVersion, {version}, Shown::kTable, now);
  EXPECT_EQ(table,
            "NAME      MODEL   VERSION  FORMAT  SIZE  AGE\n"
            "credit-3  credit        3  ONNX       7  120m\n");
  EXPECT_THAT(show_table(domain::Kind::kModelVersion, {version}, Shown::kWide, now),
              testing::HasSubstr("sha256:00"));
  EXPECT_EQ(*show_object(domain::Kind::kModelVersion, version, Shown::kName, now),
            "modelversion.slipway.dev/credit-3\n");
}

TEST(Safe, WhatOthersWroteDoesNotSteerTheTerminal) {
  EXPECT_EQ(safe("plain é text"), "plain é text");
  EXPECT_EQ(safe("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
  EXPECT_EQ(safe("two\nlines"), "two\\nlines");
  EXPECT_EQ(safe("a\xC2\x9B"
                 "b"),
            "a\\xc2b");
  EXPECT_EQ(safe("x\xE2\x80\xAEy"), "x?y");
}

TEST(VersionReferences, AreAModelAndMaybeANumber) {
  EXPECT_EQ(parse_version_reference("credit:3")->version, 3);
  EXPECT_FALSE(parse_version_reference("credit")->version);
  for (const char* wrong : {"credit:", "credit:x", "credit:0", "credit:-1", ":3", ""})
    EXPECT_FALSE(parse_version_reference(wrong)) << wrong;
}

TEST(Artifacts, HaveARegistryOnlyWhenTheFirstPartCanBeNoRepository) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  EXPECT_EQ(parse_artifact("team/credit" + digest)->repository, "team/credit");
  EXPECT_EQ(parse_artifact("team/credit" + digest)->registry, "");
  EXPECT_EQ(parse_artifact("localhost:5000/team/credit" + digest)->registry, "localhost:5000");
  EXPECT_EQ(parse_artifact("ghcr.io/credit" + digest)->registry, "ghcr.io");
  for (const std::string& wrong :
       {std::string("credit"), std::string("credit@sha256:12"), "../x" + digest, "Credit" + digest})
    EXPECT_FALSE(parse_artifact(wrong)) << wrong;
}

TEST(Bytes, AreShownInUnitsOfAThousand) {
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(52'713), "52.7 kB");
  EXPECT_EQ(human_bytes(1'500'000'000), "1.5 GB");
}

}  // namespace
}  // namespace slipway::cli
