#include "system/oci/testing/layout_test.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include <nlohmann/json.hpp>

#include "system/oci/testing/recorded_disk.h"

namespace slipway::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Manifests : public testing::LayoutTest {
 protected:
  void write(const std::string& name, std::string_view text) const { std::ofstream(at(name)) << text; }
  std::string fault() const {
    const auto opened = Layout::open(path(), {}, clock_);
    return opened ? "" : opened.error().message;
  }
};

TEST_F(Manifests, AreFoundByTagAndByDigestAlsoAfterARestart) {
  const Digest digest = push(open(), "credit", "1", "weights");
  for (int i = 0; i < 2; ++i) {
    const auto by_tag = layout_->manifest("credit", *Reference::parse("1"));
    ASSERT_TRUE(by_tag) << by_tag.error().message;
    EXPECT_EQ(by_tag->descriptor.digest, digest);
    EXPECT_EQ(by_tag->descriptor.artifact_type, kModelType);
    EXPECT_EQ(base::sha256(by_tag->text), digest);
    EXPECT_EQ(*layout_->manifest("credit", *Reference::parse(digest.str()))->descriptor.digest.str().begin(),
              's');
    EXPECT_THAT(layout_->tags("credit"), ElementsAre("1"));
    open();
  }
  EXPECT_EQ(layout_->manifest("credit", *Reference::parse("2")).error().code, Code::kNotFound);
  EXPECT_EQ(layout_->manifest("other", *Reference::parse("1")).error().code, Code::kNotFound);
  EXPECT_TRUE(layout_->has_repository("credit"));
  EXPECT_FALSE(layout_->has_repository("cred"));
}

TEST_F(Manifests, ATagMovesAndADigestStays) {
  Layout& layout = open();
  const Digest first = push(layout, "credit", "latest", "one"),
               second = push(layout, "credit", "latest", "two");
  push(layout, "other", "latest", "three");
  EXPECT_EQ(layout.find_manifest("credit", *Reference::parse("latest"))->digest, second);
  EXPECT_TRUE(layout.manifest("credit", {.tag = "", .digest = first}));
  ASSERT_TRUE(layout.remove_manifest("credit", *Reference::parse("latest")));
  EXPECT_THAT(layout.tags("credit"), IsEmpty());
  EXPECT_THAT(layout.tags("other"), ElementsAre("latest"));
  EXPECT_TRUE(layout.manifest("credit", {.tag = "", .digest = second}));
  ASSERT_TRUE(layout.remove_manifest("credit", {.tag = "", .digest = second}));
  EXPECT_EQ(layout.remove_manifest("credit", {.tag = "", .digest = second}).error().code, Code::kNotFound);
}

TEST_F(Manifests, AreRefusedWithoutTheirFilesOrWithLyingSizes) {
  Layout& layout = open();
  const ModelManifest made = manifest_of("weights");
  const auto put = [&](std::string_view text) {
    return layout.put_manifest("credit", *Reference::parse("1"), text, kManifestType);
  };
  const auto without = put(made.manifest);
  EXPECT_EQ(without.error().code, Code::kNotFound);
  EXPECT_THAT(without.error().message, HasSubstr("which was not pushed"));
  EXPECT_FALSE(layout.find_blob(base::sha256(made.manifest))) << "nothing of it is stored";
  layout.put_blob("weights").value();
  layout.put_blob(made.config).value();
  std::string lying = made.manifest;
  lying.replace(lying.find("\"size\":7"), 8, "\"size\":8");
  EXPECT_THAT(put(lying).error().message, HasSubstr("has 8 bytes; it has 7"));
  const auto other =
      layout.put_manifest("credit", {.tag = "", .digest = base::sha256("?")}, made.manifest, "");
  EXPECT_EQ(other.error().code, Code::kInvalid);
  EXPECT_EQ(layout.put_manifest("../x", *Reference::parse("1"), made.manifest, "").error().code,
            Code::kInvalid);
  EXPECT_TRUE(put(made.manifest));
}

TEST_F(Manifests, ADamagedOneIsNeverHandedOn) {
  const Digest digest = push(open(), "credit", "1", "weights");
  std::filesystem::permissions(blob_at(digest), std::filesystem::perms(0600));
  std::ofstream(blob_at(digest)) << "{}";
  EXPECT_THAT(layout_->manifest("credit", *Reference::parse("1")).error().message,
              HasSubstr("push it again"));
  Layout& layout = open();
  EXPECT_EQ(layout.manifest("credit", *Reference::parse("1")).error().code, Code::kInternal);
  push(layout, "credit", "1", "weights");
  EXPECT_TRUE(layout.manifest("credit", *Reference::parse("1")));
}

TEST_F(Manifests, TheIndexReadsAsOtherToolsExpect) {
  const Digest digest = push(open(), "team/credit", "1", "weights");
  std::ifstream in(at("index.json"));
  const auto index = nlohmann::json::parse(in);
  EXPECT_EQ(index["schemaVersion"], 2);
  const auto& line = index["manifests"][0];
  EXPECT_EQ(line["digest"], digest.str());
  EXPECT_EQ(line["mediaType"], std::string(kManifestType));
  EXPECT_EQ(line["annotations"]["org.opencontainers.image.ref.name"], "team/credit:1");
}

TEST_F(Manifests, ALayoutThatIsDamagedOrNewerIsNotTouched) {
  open();
  push(*layout_, "credit", "1", "weights");
  layout_.reset();
  std::filesystem::rename(at("index.json"), at("kept"));
  EXPECT_THAT(fault(), HasSubstr("index.json is missing; restore a copy"));
  EXPECT_FALSE(std::filesystem::exists(at("index.json")));
  for (const char* text :
       {"", "{", "[]", "{}", R"({"manifests":[{}]})", R"({"manifests":[{"digest":"sha256:x","size":1}]})"}) {
    write("index.json", text);
    EXPECT_THAT(fault(), HasSubstr("index.json is damaged")) << text;
  }
  std::filesystem::rename(at("kept"), at("index.json"));
  EXPECT_EQ(fault(), "");
  write("oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  EXPECT_THAT(fault(), HasSubstr("another layout's version"));
}

TEST_F(Manifests, AreReadByOthersWhileOneProcessWrites) {
  push(open(), "credit", "1", "weights");
  const pid_t child = ::fork();  // a lock counts against other processes
  if (child == 0) {
    const auto other = Layout::open(path(), {}, clock_);
    const bool reads = other && (*other)->manifest("credit", *Reference::parse("1")) &&
                       (*other)->verify(nullptr)->faults.empty();
    const bool writes =
        !reads || (*other)->put_blob("x").error().code != Code::kConflict ||
        (*other)->begin_upload().error().code != Code::kConflict ||
        (*other)->remove_manifest("credit", *Reference::parse("1")).error().code != Code::kConflict ||
        (*other)->collect({}).error().code != Code::kConflict;
    ::_exit(reads && !writes ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(Manifests, WhatACutOffChangeLeftIsCleanedUp) {
  open();
  write("index.json.123.new", "half");
  open();
  EXPECT_FALSE(std::filesystem::exists(at("index.json.123.new")));
}

TEST_F(Manifests, AChangeThatDidNotReachTheDiskIsNotAcknowledged) {
  RecordedDisk disk(path());
  Layout& layout = open();
  push(layout, "credit", "1", "weights");
  disk.fail_sync(1);
  EXPECT_FALSE(layout.remove_manifest("credit", *Reference::parse("1")));
  EXPECT_THAT(layout.tags("credit"), ElementsAre("1"));
  EXPECT_EQ(layout.remove_manifest("credit", *Reference::parse("1")).error().code, Code::kUnavailable);
  EXPECT_THAT(open().tags("credit"), ElementsAre("1"));
}

}  // namespace
}  // namespace slipway::oci
