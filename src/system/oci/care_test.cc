#include <gmock/gmock.h>

#include <fstream>
#include <random>
#include <thread>

#include "system/oci/testing/layout_test.h"

namespace slipway::oci {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Care : public testing::LayoutTest {
 protected:
  void damage(const Digest& digest) const {
    std::filesystem::permissions(blob_at(digest), std::filesystem::perms(0600));
    std::ofstream(blob_at(digest)) << "rotten";
  }
  bool there(const Digest& digest) const { return std::filesystem::exists(blob_at(digest)); }
};

TEST_F(Care, VerifyReadsEverythingAndSaysWhatIsDamagedAndMissing) {
  Layout& layout = open();
  const Digest first = push(layout, "credit", "1", "weights of one");
  push(layout, "credit", "2", "weights of two");
  size_t seen = 0;
  EXPECT_THAT(layout.verify([&](const auto& report) { seen = report.blobs; })->faults, IsEmpty());
  EXPECT_EQ(seen, 6u);
  damage(base::sha256("weights of one"));
  std::filesystem::remove(blob_at(base::sha256("weights of two")));
  const auto report = layout.verify(nullptr);
  EXPECT_THAT(report->faults, Contains(HasSubstr("holds other content")));
  EXPECT_THAT(report->faults, Contains(HasSubstr("credit@" + first.str() + ": its file")));
  EXPECT_EQ(report->faults.size(), 3u);
}

TEST_F(Care, NothingGoesBeforeItsGraceIsOver) {
  Layout& layout = open();
  const Digest alone = *layout.put_blob("nobody names it");
  wait(23h);
  EXPECT_EQ(layout.collect({})->removed, 0u);
  EXPECT_TRUE(there(alone));
  wait(2h);
  const auto report = layout.collect({});
  EXPECT_EQ(report->removed, 1u);
  EXPECT_EQ(report->removed_bytes, 15u);
  EXPECT_FALSE(there(alone));
}

TEST_F(Care, WhatATagNeedsStays) {
  Layout& layout = open();
  push(layout, "credit", "1", "weights");
  wait(100h);
  EXPECT_EQ(layout.collect({})->removed, 0u);
  EXPECT_THAT(layout.verify(nullptr)->faults, IsEmpty());
}

TEST_F(Care, WithoutItsTagAManifestGoesWithItsFilesUnlessARootNamesIt) {
  Layout& layout = open();
  const Digest kept = push(layout, "credit", "1", "kept"), gone = push(layout, "credit", "2", "gone");
  ASSERT_TRUE(layout.remove_manifest("credit", *Reference::parse("1")));
  ASSERT_TRUE(layout.remove_manifest("credit", *Reference::parse("2")));
  wait(25h);
  ASSERT_TRUE(layout.collect({kept}));
  EXPECT_TRUE(layout.manifest("credit", {.tag = "", .digest = kept}));
  EXPECT_TRUE(there(base::sha256("kept")));
  EXPECT_FALSE(layout.manifest("credit", {.tag = "", .digest = gone}));
  EXPECT_FALSE(there(base::sha256("gone")));
}

TEST_F(Care, ARootKeepsItsFilesEvenWhenItsManifestWasDeleted) {
  Layout& layout = open();
  const Digest version = push(layout, "credit", "1", "weights");
  ASSERT_TRUE(layout.remove_manifest("credit", {.tag = "", .digest = version}));
  wait(25h);
  EXPECT_EQ(layout.collect({version})->removed, 0u);
  EXPECT_TRUE(there(base::sha256("weights")));
}

TEST_F(Care, ARootThatWasNeverPushedIsToldAndHindersNothing) {
  Layout& layout = open();
  const Digest alone = *layout.put_blob("nobody names it");
  wait(25h);
  EXPECT_THAT(layout.collect({base::sha256("never pushed")})->faults,
              ElementsAre(HasSubstr("is missing on disk")));
  EXPECT_FALSE(there(alone));
}

TEST_F(Care, NothingIsRemovedWhileADamagedManifestIsInUse) {
  open();
  const Digest version = push(*layout_, "credit", "1", "weights");
  layout_->put_blob("nobody names it").value();
  damage(version);
  Layout& layout = open();
  wait(25h);
  const auto report = layout.collect({});
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message,
              HasSubstr("is damaged on disk; push it again; until then nothing is removed"));
  EXPECT_TRUE(there(base::sha256("weights")));
  push(layout, "credit", "1", "weights");
  EXPECT_TRUE(layout.collect({}));
  EXPECT_TRUE(there(base::sha256("weights")));
}

TEST_F(Care, WhatAPushWasToldIsThereStaysForItsManifest) {
  Layout& layout = open();
  layout.put_blob("weights").value();
  layout.put_blob(manifest_of("weights").config).value();
  wait(30h);
  // Pushed long ago, and asked for by a push that is going on.
  ASSERT_TRUE(layout.find_blob(base::sha256("weights")));
  EXPECT_EQ(layout.collect({})->removed, 1u) << "the config, which nobody asked for";
  EXPECT_TRUE(there(base::sha256("weights")));
  push(layout, "credit", "1", "weights");
}

TEST_F(Care, UploadsOfTodayStayAndOlderOnesGo) {
  Layout& layout = open();
  const std::string old_one = *layout.begin_upload();
  ASSERT_TRUE(layout.append(old_one, 0, "half of it"));
  EXPECT_EQ(layout.collect({})->removed, 0u);
  EXPECT_EQ(*layout.append(old_one, 10, "!"), 11u);
  wait(25h);
  EXPECT_EQ(layout.collect({})->removed, 1u);
  EXPECT_EQ(layout.append(old_one, 11, "!").error().code, Code::kNotFound);
}

TEST_F(Care, WhatAnIndexNamesAndWhatSpeaksAboutAManifestStay) {
  Layout& layout = open();
  const Digest child = push(layout, "credit", "child", "weights");
  const std::string index = fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{}}}]}})",
      kIndexType, kManifestType, child.str(), *layout.find_blob(child));
  ASSERT_TRUE(layout.put_manifest("credit", *Reference::parse("all"), index, kIndexType));
  const std::string signature = fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"a/b","digest":"{}","size":7}},"layers":[],)"
      R"("subject":{{"mediaType":"{}","digest":"{}","size":1}}}})",
      kManifestType, layout.put_blob("weights")->str(), kManifestType, child.str());
  const Digest about = base::sha256(signature);
  ASSERT_TRUE(layout.put_manifest("credit", {.tag = "", .digest = about}, signature, kManifestType));
  ASSERT_TRUE(layout.remove_manifest("credit", *Reference::parse("child")));
  wait(25h);
  EXPECT_EQ(layout.collect({})->removed, 0u);
  EXPECT_EQ(layout.referrers("credit", child).size(), 1u);
  ASSERT_TRUE(layout.remove_manifest("credit", *Reference::parse("all")));
  EXPECT_EQ(layout.collect({})->removed, 5u);
}

TEST_F(Care, LinesOfOtherToolsAndTheirFilesStay) {
  open();
  const ModelManifest made = manifest_of("their weights");
  for (const std::string& each : {std::string("their weights"), made.config, made.manifest})
    layout_->put_blob(each).value();
  const std::string line = fmt::format(
      R"({{"mediaType":"{}","digest":"{}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"theirs"}}}})",
      kManifestType, base::sha256(made.manifest).str(), made.manifest.size());
  layout_.reset();
  std::ofstream(at("index.json")) << R"({"schemaVersion":2,"manifests":[)" << line << "]}";
  Layout& layout = open();
  push(layout, "credit", "1", "ours");
  wait(25h);
  EXPECT_EQ(layout.collect({})->removed, 0u);
  std::ifstream in(at("index.json"));
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(in), {}),
              HasSubstr(R"("org.opencontainers.image.ref.name":"theirs")"));
}

TEST_F(Care, PushesAndCollectionsAtOnceLoseNothing) {
  // Each push takes an hour, so no push takes as long as the grace, and old versions go all the time.
  constexpr int kPushes = 120;
  Layout& layout = open({.grace = std::chrono::hours(kPushes + 30)});
  std::atomic<bool> done{false};
  std::atomic<size_t> removed{0};
  std::thread collector([&] {
    while (!done) removed += layout.collect({}).value().removed;
  });
  std::vector<std::thread> pushers;
  for (int who = 0; who < 2; ++who)
    pushers.emplace_back([&, who] {
      for (int i = 0; i < kPushes; ++i) {
        push(layout, fmt::format("credit{}", who), fmt::format("{}", i % 5),
             fmt::format("{} of {}", i % 2 == 0 ? i : i % 7, who));
        wait(1h);
      }
    });
  for (std::thread& each : pushers) each.join();
  done = true;
  collector.join();
  EXPECT_GT(removed, 10u);
  EXPECT_THAT(layout.verify(nullptr)->faults, IsEmpty());
}

}  // namespace
}  // namespace slipway::oci
