#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "system/oci/testing/layout_test.h"
#include "system/oci/testing/recorded_disk.h"

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;

class Uploads : public testing::LayoutTest {
 protected:
  std::string read(const Digest& digest) const {
    std::ifstream in(blob_at(digest), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  size_t left_over() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(at("uploads")), {}));
  }
};

TEST_F(Uploads, BecomeABlobThatNobodyMayWriteTo) {
  Layout& layout = open();
  const std::string id = *layout.begin_upload();
  EXPECT_EQ(*layout.append(id, 0, "hello "), 6u);
  EXPECT_EQ(*layout.append(id, 6, "world"), 11u);
  const Digest digest = base::sha256("hello world");
  EXPECT_FALSE(layout.find_blob(digest)) << "not before it is finished";
  ASSERT_TRUE(layout.finish_upload(id, digest));
  EXPECT_EQ(*layout.find_blob(digest), 11u);
  EXPECT_EQ(read(digest), "hello world");
  EXPECT_EQ(std::filesystem::status(blob_at(digest)).permissions(), std::filesystem::perms(0444));
  EXPECT_EQ(layout.upload_size(id).error().code, Code::kNotFound);
  EXPECT_EQ(left_over(), 0u);
}

TEST_F(Uploads, GoOnAfterARestart) {
  const std::string id = *open().begin_upload();
  ASSERT_TRUE(layout_->append(id, 0, "first, "));
  Layout& layout = open();
  EXPECT_EQ(*layout.upload_size(id), 7u);
  EXPECT_EQ(*layout.append(id, 7, "second"), 13u);
  EXPECT_TRUE(layout.finish_upload(id, base::sha256("first, second")));
}

TEST_F(Uploads, GoOnOnlyWhereTheyEnd) {
  Layout& layout = open();
  const std::string id = *layout.begin_upload();
  ASSERT_TRUE(layout.append(id, 0, "abc"));
  for (const uint64_t offset : {0u, 2u, 4u}) {
    const auto wrong = layout.append(id, offset, "d");
    EXPECT_EQ(wrong.error().code, Code::kConflict);
    EXPECT_THAT(wrong.error().message, HasSubstr("has 3 bytes"));
  }
  EXPECT_TRUE(layout.finish_upload(id, base::sha256("abc")));
}

TEST_F(Uploads, AreRemovedWhenTheirDigestIsAnother) {
  Layout& layout = open();
  const std::string id = *layout.begin_upload();
  ASSERT_TRUE(layout.append(id, 0, "abc"));
  const Status wrong = layout.finish_upload(id, base::sha256("abd"));
  EXPECT_EQ(wrong.error().code, Code::kInvalid);
  EXPECT_THAT(wrong.error().message, HasSubstr("send it again"));
  EXPECT_EQ(left_over(), 0u);
  EXPECT_FALSE(layout.find_blob(base::sha256("abc")));
  EXPECT_FALSE(layout.find_blob(base::sha256("abd")));
}

TEST_F(Uploads, OfTheSameContentMakeOneBlob) {
  Layout& layout = open();
  for (int i = 0; i < 2; ++i) {
    const std::string id = *layout.begin_upload();
    ASSERT_TRUE(layout.append(id, 0, "same"));
    EXPECT_TRUE(layout.finish_upload(id, base::sha256("same")));
  }
  EXPECT_EQ(layout.verify(nullptr)->blobs, 1u);
}

TEST_F(Uploads, AreBoundedInNumberAndSizeAcrossRestarts) {
  const LayoutOptions tight{.blob_bytes = 10, .open_uploads = 2};
  const std::string first = *open(tight).begin_upload();
  ASSERT_TRUE(layout_->begin_upload());
  EXPECT_EQ(layout_->begin_upload().error().code, Code::kExhausted);
  EXPECT_EQ(open(tight).begin_upload().error().code, Code::kExhausted);
  ASSERT_TRUE(layout_->append(first, 0, "0123456789"));
  EXPECT_EQ(layout_->append(first, 10, "x").error().code, Code::kTooLarge);
  EXPECT_TRUE(layout_->cancel_upload(first));
  EXPECT_EQ(layout_->cancel_upload(first).error().code, Code::kNotFound);
  EXPECT_TRUE(layout_->begin_upload());
}

TEST_F(Uploads, NeverWriteToABlobThatStillHasTheirName) {
  Layout& layout = open();
  const std::string id = *layout.begin_upload();
  ASSERT_TRUE(layout.append(id, 0, "whole"));
  ASSERT_TRUE(layout.finish_upload(id, base::sha256("whole")));
  // As a crash may leave it where folders are kept in no order.
  std::filesystem::create_hard_link(blob_at(base::sha256("whole")), at("uploads/" + id));
  EXPECT_EQ(open().append(id, 5, "!").error().code, Code::kNotFound);
  EXPECT_EQ(read(base::sha256("whole")), "whole");
  EXPECT_EQ(left_over(), 0u);
}

TEST_F(Uploads, AreWrittenByOneAtATimeAndFinishOnce) {
  Layout& layout = open();
  for (int round = 0; round < 20; ++round) {
    const std::string id = *layout.begin_upload(), content = fmt::format("content {}", round);
    ASSERT_TRUE(layout.append(id, 0, content));
    const Digest digest = base::sha256(content);
    std::atomic<int> finished{0};
    std::vector<std::thread> all;
    for (int i = 0; i < 3; ++i)
      all.emplace_back([&] { finished += layout.finish_upload(id, digest) ? 1 : 0; });
    all.emplace_back([&] {
      for (int i = 0; i < 50; ++i) static_cast<void>(layout.append(id, content.size(), "tampered"));
    });
    for (std::thread& each : all) each.join();
    EXPECT_LE(finished, 1);
    EXPECT_EQ(read(digest), finished == 1 ? content : "");
  }
  EXPECT_TRUE(layout.verify(nullptr)->faults.empty());
}

TEST_F(Uploads, StayWhatTheirHashSaysWhenTheDiskFillsUp) {
  RecordedDisk disk(path());
  Layout& layout = open();
  const std::string id = *layout.begin_upload();
  ASSERT_TRUE(layout.append(id, 0, "kept,"));
  disk.fill_up_at_write(1);
  const auto full = layout.append(id, 5, "and what does not fit");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kExhausted);
  EXPECT_EQ(*layout.upload_size(id), 5u);
  EXPECT_TRUE(layout.append(id, 5, "later"));
  EXPECT_TRUE(layout.finish_upload(id, base::sha256("kept,later")));
  EXPECT_EQ(read(base::sha256("kept,later")), "kept,later");
}

TEST_F(Uploads, AreSentAgainWhenTheDiskDidNotKeepThem) {
  RecordedDisk disk(path());
  Layout& layout = open();
  const std::string id = *layout.begin_upload();
  ASSERT_TRUE(layout.append(id, 0, "lost"));
  disk.fail_sync(1);
  EXPECT_EQ(layout.finish_upload(id, base::sha256("lost")).error().code, Code::kUnavailable);
  EXPECT_FALSE(layout.upload_size(id)) << "a second sync could claim what the disk dropped";
  EXPECT_TRUE(layout.put_blob("lost"));
}

TEST_F(Uploads, EndAllWritingWhenAFolderWasNotKept) {
  RecordedDisk disk(path());
  Layout& layout = open();
  disk.fail_sync(2);  // the blob's own sync, then its folder's
  EXPECT_FALSE(layout.put_blob("a"));
  EXPECT_EQ(layout.begin_upload().error().code, Code::kUnavailable);
  EXPECT_EQ(layout.put_blob("b").error().code, Code::kUnavailable);
  EXPECT_TRUE(open().put_blob("b"));
}

TEST_F(Uploads, ASmallBlobThatIsDamagedIsWrittenAgain) {
  Layout& layout = open();
  const Digest digest = *layout.put_blob("good");
  std::filesystem::permissions(blob_at(digest), std::filesystem::perms(0600));
  std::ofstream(blob_at(digest)) << "evil";
  EXPECT_TRUE(layout.put_blob("good"));
  EXPECT_EQ(read(digest), "good");
}

}  // namespace
}  // namespace slipway::oci
