// Names, digests, lengths and a folder that somebody changes under the store: not a byte comes to lie outside
// it.
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <thread>

#include "system/oci/model_folder.h"
#include "system/oci/testing/layout_test.h"

namespace slipway::oci {
namespace {

class Hostile : public testing::LayoutTest {
 protected:
  // Text made of the parts that break out elsewhere.
  static std::string nasty(std::mt19937& random) {
    static const std::vector<std::string> kParts{"..",
                                                 "/",
                                                 "\\",
                                                 "%2e",
                                                 "%2f",
                                                 ".",
                                                 "~",
                                                 "a",
                                                 "credit",
                                                 "//",
                                                 "\n",
                                                 "\r",
                                                 ":",
                                                 "@",
                                                 "_",
                                                 "-",
                                                 "A",
                                                 "sha256:",
                                                 "'",
                                                 "\"",
                                                 "$",
                                                 "`",
                                                 ";",
                                                 "|",
                                                 "uploads/",
                                                 "..;",
                                                 "index.json",
                                                 "é",
                                                 "\xff",
                                                 "{}",
                                                 "*",
                                                 " ",
                                                 "blobs/sha256/",
                                                 "C:",
                                                 "/proc/self/fd/3"};
    std::string out;
    for (size_t i = 0; i <= random() % 6; ++i)
      out += random() % 12 == 0 ? std::string(1, '\0') : kParts[random() % kParts.size()];
    if (random() % 40 == 0) out += std::string(random() % 5000, 'a');
    return out;
  }
  std::string inventory() const {
    std::string out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(base_)) {
      const std::string at = std::filesystem::relative(entry.path(), base_).string();
      if (!at.starts_with("store/")) out += at + "\n";
    }
    return out;
  }
};

TEST_F(Hostile, NamesLeadNowhere) {
  Layout& layout = open();
  push(layout, "credit", "1", "weights");
  const std::string before = inventory();
  std::mt19937 random(3);
  const ModelManifest made = manifest_of("weights");
  size_t refused = 0;
  for (int i = 0; i < 5'000; ++i) {
    const std::string name = nasty(random), other = nasty(random);
    const auto reference = Reference::parse(other);
    if (const auto put = layout.put_manifest(name, reference.value_or(Reference{.tag = "1", .digest = {}}),
                                             made.manifest, other);
        !put)
      ++refused;
    else
      EXPECT_TRUE(check_repository(name)) << name;
    EXPECT_FALSE(layout.append(name, 0, "x"));
    EXPECT_FALSE(layout.finish_upload(name, base::sha256("x")));
    EXPECT_FALSE(layout.upload_size(name));
    EXPECT_FALSE(layout.cancel_upload(name));
    static_cast<void>(layout.tags(name));
    static_cast<void>(
        layout.remove_manifest(name, reference.value_or(Reference{.tag = other, .digest = {}})));
    static_cast<void>(check_model_path(name));
  }
  EXPECT_GT(refused, 4'000u);
  EXPECT_EQ(inventory(), before);
  EXPECT_TRUE(open().verify(nullptr)->faults.empty());
}

TEST_F(Hostile, PathsOfAModelStayInItsFolder) {
  Layout& layout = open();
  const Digest blob = *layout.put_blob("weights");
  const std::string into = (base_ / "files").string();
  std::filesystem::create_directory(into);
  std::mt19937 random(9);
  size_t made = 0;
  for (int i = 0; i < 5'000; ++i) {
    const std::string path = nasty(random);
    const ModelManifest model =
        make_model_manifest({{.path = path, .size = 7, .digest = blob, .role = Role::kWeights}}, "onnx");
    const Digest digest = base::sha256(model.manifest);
    const auto folder = make_model_folder(
        layout, {.descriptor = {.media_type = "", .digest = digest, .size = 0}, .text = model.manifest},
        into);
    if (!folder) continue;
    ++made;
    EXPECT_EQ(*folder, into + "/" + digest.hex());
    const auto parsed = parse_model_manifest(model.manifest);
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(std::filesystem::is_regular_file(*folder + "/" + parsed->front().path)) << path;
    std::filesystem::remove_all(*folder);
  }
  EXPECT_GT(made, 50u);
  EXPECT_EQ(inventory(), "files\nstore\n");
}

TEST_F(Hostile, ALinkInTheStoreIsNeverFollowed) {
  std::ofstream(base_ / "secret") << "secret";
  const Digest secret = base::sha256("secret");
  open();
  std::filesystem::create_symlink(base_ / "secret", blob_at(secret));
  EXPECT_EQ(layout_->open_blob(secret).error().code, Code::kDenied);
  EXPECT_FALSE(layout_->find_blob(secret));
  EXPECT_FALSE(layout_->verify(nullptr)->faults.empty());
  EXPECT_TRUE(layout_->put_blob("secret")) << "the link is replaced, not written through";
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(blob_at(secret))));
  std::filesystem::remove_all(at("uploads"));
  std::filesystem::create_directory(base_ / "elsewhere");
  std::filesystem::create_directory_symlink(base_ / "elsewhere", at("uploads"));
  EXPECT_FALSE(layout_->begin_upload());
  EXPECT_FALSE(Layout::open(path(), {}, clock_));
  EXPECT_TRUE(std::filesystem::is_empty(base_ / "elsewhere"));
}

TEST_F(Hostile, FoldersThatAreSwappedForLinksMeanwhileLeadNowhere) {
  Layout& layout = open();
  std::filesystem::create_directory(base_ / "elsewhere");
  std::atomic<bool> done{false};
  std::thread swapper([&] {
    while (!done) {
      std::error_code ignored;
      std::filesystem::rename(at("uploads"), at("aside"), ignored);
      std::filesystem::create_directory_symlink(base_ / "elsewhere", at("uploads"), ignored);
      std::filesystem::remove(at("uploads"), ignored);
      std::filesystem::rename(at("aside"), at("uploads"), ignored);
    }
  });
  size_t stored = 0;
  for (int i = 0; i < 2'000; ++i) {
    const std::string content = fmt::format("content {}", i);
    const auto id = layout.begin_upload();
    if (!id) continue;
    if (layout.append(*id, 0, content) && layout.finish_upload(*id, base::sha256(content)))
      ++stored;
    else
      static_cast<void>(layout.cancel_upload(*id));
  }
  done = true;
  swapper.join();
  EXPECT_TRUE(std::filesystem::is_empty(base_ / "elsewhere"));
  EXPECT_GT(stored, 0u);
  EXPECT_TRUE(layout.verify(nullptr)->faults.empty());
}

TEST_F(Hostile, AFileThatIsSwappedWhileAVersionIsMadeIsNotInIt) {
  Layout& layout = open();
  const Digest version = push(layout, "credit", "1", "weights");
  const std::string blob = blob_at(base::sha256("weights")), into = (base_ / "files").string();
  const auto manifest = layout.manifest("credit", {.tag = "", .digest = version});
  std::atomic<bool> done{false};
  std::thread swapper([&] {
    while (!done) {
      std::error_code ignored;
      std::filesystem::rename(blob, blob + "-good", ignored);
      std::ofstream(blob) << "evil!!!";
      std::filesystem::rename(blob + "-good", blob, ignored);
    }
  });
  size_t made = 0;
  for (int i = 0; i < 500; ++i) {
    const auto folder = make_model_folder(layout, *manifest, into);
    if (!folder) continue;
    ++made;
    EXPECT_EQ(*os::sha256_file(*folder + "/model.ubj"), base::sha256("weights"));
    std::filesystem::remove_all(*folder);
  }
  done = true;
  swapper.join();
  EXPECT_GT(made, 0u);
}

}  // namespace
}  // namespace slipway::oci
