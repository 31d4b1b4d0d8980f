#include "system/oci/model_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "system/oci/testing/layout_test.h"
#include "system/oci/testing/recorded_disk.h"

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;

class ModelFolder : public testing::LayoutTest {
 protected:
  static StoredManifest stored(Layout& layout, const std::map<std::string, std::string>& contents) {
    std::vector<ModelFile> files;
    for (const auto& [path, content] : contents)
      files.push_back(
          {.path = path, .size = content.size(), .digest = *layout.put_blob(content), .role = role_of(path)});
    const ModelManifest made = make_model_manifest(files, "onnx");
    layout.put_blob(made.config).value();
    EXPECT_TRUE(layout.put_manifest("credit", *Reference::parse("1"), made.manifest, ""));
    return *layout.manifest("credit", *Reference::parse("1"));
  }
  std::string into() const { return (base_ / "files").string(); }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(ModelFolder, HoldsTheFilesUnderTheirNamesAsLinks) {
  Layout& layout = open();
  const StoredManifest manifest =
      stored(layout, {{"model.onnx", "graph"}, {"data/one", "1"}, {"data/deep/two", "2"}});
  const auto folder = make_model_folder(layout, manifest, into());
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(*folder, into() + "/" + manifest.descriptor.digest.hex());
  EXPECT_EQ(read(*folder + "/model.onnx"), "graph");
  EXPECT_EQ(read(*folder + "/data/deep/two"), "2");
  EXPECT_EQ(read(*folder + "/manifest.json"), manifest.text);
  EXPECT_TRUE(std::filesystem::equivalent(*folder + "/model.onnx", blob_at(base::sha256("graph"))));
  EXPECT_EQ(*make_model_folder(layout, manifest, into()), *folder) << "made once";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(into()), {}), 1);
}

TEST_F(ModelFolder, IsNotMadeOfDamagedOrMissingFiles) {
  Layout& layout = open();
  const StoredManifest manifest = stored(layout, {{"model.onnx", "graph"}, {"other", "2"}});
  const std::string blob = blob_at(base::sha256("graph"));
  std::filesystem::permissions(blob, std::filesystem::perms(0600));
  std::ofstream(blob) << "grapf";
  EXPECT_THAT(make_model_folder(layout, manifest, into()).error().message,
              HasSubstr("model.onnx of the version is damaged on disk"));
  std::filesystem::remove(blob);
  EXPECT_EQ(make_model_folder(layout, manifest, into()).error().code, Code::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(into()));
}

TEST_F(ModelFolder, AllFilesOfTheSameContentAreThere) {
  Layout& layout = open();
  const auto folder =
      make_model_folder(layout, stored(layout, {{"a", "same"}, {"b", "same"}, {"c", ""}}), into());
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(read(*folder + "/b"), "same");
  EXPECT_TRUE(std::filesystem::exists(*folder + "/c"));
}

TEST_F(ModelFolder, ALinkUnderItsNameIsNotTakenForIt) {
  Layout& layout = open();
  const StoredManifest manifest = stored(layout, {{"model.onnx", "graph"}});
  std::filesystem::create_directory(into());
  std::filesystem::create_directory(base_ / "elsewhere");
  std::filesystem::create_directory_symlink(base_ / "elsewhere",
                                            into() + "/" + manifest.descriptor.digest.hex());
  EXPECT_FALSE(make_model_folder(layout, manifest, into()));
  EXPECT_TRUE(std::filesystem::is_empty(base_ / "elsewhere"));
}

TEST_F(ModelFolder, IsWholeOrNotThereAfterACrash) {
  const std::map<std::string, std::string> contents{
      {"model.onnx", "graph"}, {"data/one", "1"}, {"data/deep/two", "2"}};
  std::set<RecordedDisk::State> states;
  std::optional<StoredManifest> manifest;
  {
    RecordedDisk disk(path());
    const auto root = os::Folder::open(path());
    ASSERT_TRUE(root->make_folder("layout") && root->make_folder("files") && root->sync(""));
    const auto layout = Layout::open(at("layout"), {}, clock_);
    manifest = stored(**layout, contents);
    const size_t before = disk.operations();
    ASSERT_TRUE(make_model_folder(**layout, *manifest, at("files")));
    std::mt19937 random(1);
    for (size_t i = before; i <= disk.operations(); ++i)
      for (int n = 0; n < 20; ++n)
        for (const auto fate :
             {RecordedDisk::Fate::kNothing, RecordedDisk::Fate::kAll, RecordedDisk::Fate::kTorn})
          states.insert(disk.after_crash(i, fate, random));
  }
  EXPECT_GT(states.size(), 50u);
  for (const RecordedDisk::State& state : states) {
    RecordedDisk::put(state, path());
    const std::string folder = at("files/" + manifest->descriptor.digest.hex());
    const bool was_there = std::filesystem::exists(folder);
    const auto layout = Layout::open(at("layout"), {}, clock_);
    ASSERT_TRUE(was_there || make_model_folder(**layout, *manifest, at("files")));
    for (const auto& [name, content] : contents) EXPECT_EQ(read(folder + "/" + name), content) << was_there;
    EXPECT_EQ(read(folder + "/manifest.json"), manifest->text);
  }
}

}  // namespace
}  // namespace slipway::oci
