#include "services/cli/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

using json::Document;

Document parse(const char* text) { return Document::parse(text); }

struct Story {
  const char *what, *applied, *wanted, *current, *patch;
};

// What apply sends, as a table: what was wanted last time, what is wanted now, what is there.
constexpr Story kStories[] = {
    {"nothing changes", R"({"spec":{"a":1}})", R"({"spec":{"a":1}})", R"({"spec":{"a":1}})", "{}"},
    {"a value changes", R"({"spec":{"a":1}})", R"({"spec":{"a":2}})", R"({"spec":{"a":1}})",
     R"({"spec":{"a":2}})"},
    {"somebody else changed it back", R"({"spec":{"a":2}})", R"({"spec":{"a":2}})", R"({"spec":{"a":9}})",
     R"({"spec":{"a":2}})"},
    {"a field that is no longer wanted goes", R"({"spec":{"a":1,"b":2}})", R"({"spec":{"a":1}})",
     R"({"spec":{"a":1,"b":2}})", R"({"spec":{"b":null}})"},
    {"it went already", R"({"spec":{"a":1,"b":2}})", R"({"spec":{"a":1}})", R"({"spec":{"a":1}})", "{}"},
    {"what others set stays", R"({"spec":{"a":1}})", R"({"spec":{"a":1}})",
     R"({"spec":{"a":1,"replicas":7},"status":{"x":1}})", "{}"},
    {"a list is replaced as a whole", "{}", R"({"spec":{"l":[1,2]}})", R"({"spec":{"l":[1]}})",
     R"({"spec":{"l":[1,2]}})"},
    {"an object replaces a scalar", "{}", R"({"spec":{"a":{"b":1}}})", R"({"spec":{"a":3}})",
     R"({"spec":{"a":{"b":1}}})"},
    {"deep down only what differs is named", "{}", R"({"spec":{"r":{"x":1,"y":2}}})",
     R"({"spec":{"r":{"x":1,"y":3,"z":4}}})", R"({"spec":{"r":{"y":2}}})"},
};

TEST(ThreeWayPatch, SaysWhatIsWantedAndTouchesNothingElse) {
  for (const Story& story : kStories) {
    const Document current = parse(story.current);
    const Document patch = three_way_patch(parse(story.applied), parse(story.wanted), current);
    EXPECT_EQ(patch, parse(story.patch)) << story.what;
    Document after = current;
    after.merge_patch(patch);
    EXPECT_TRUE(three_way_patch(parse(story.wanted), parse(story.wanted), after).empty())
        << story.what << ": applying twice";
  }
}

TEST(Apply, AnnotationsThatAreNoObjectAreRefusedWithTheirPlace) {
  const std::string file = testing::TempDir() + "slipway-annotations.yaml";
  for (const char* annotations : {"text", "[a]", "7"}) {
    std::ofstream(file) << "apiVersion: slipway.dev/v1alpha1\nkind: ModelDeployment\n"
                        << "metadata: {name: credit, annotations: " << annotations << "}\n";
    Arguments arguments;
    arguments.set("--filename", {file});
    testing::internal::CaptureStderr();
    EXPECT_EQ(apply_command().run(arguments), kFailed);
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                testing::HasSubstr(file + ":1: metadata.annotations must be an object"));
  }
  std::remove(file.c_str());
}

}  // namespace
}  // namespace slipway::cli
