#include "system/os/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace slipway::os {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  Files() : folder_(std::filesystem::temp_directory_path() / "slipway-os-XXXXXX") {
    std::string name = folder_.string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~Files() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
};

TEST_F(Files, MapsTheBytesOfAFile) {
  auto file = MappedFile::open(write("a", "hello"), 5);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->text(), "hello");
  EXPECT_EQ(file->path(), at("a"));
  MappedFile moved = std::move(*file);
  EXPECT_EQ(moved.text(), "hello");
}

TEST_F(Files, MapsAnEmptyFileAsNoBytes) {
  auto file = MappedFile::open(write("empty", ""), 5);
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->bytes().empty());
}

TEST_F(Files, RefusesToMapMoreThanTheLimit) {
  auto file = MappedFile::open(write("a", "hello!"), 5);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kTooLarge);
  EXPECT_THAT(file.error().message, HasSubstr("has 6 bytes; at most 5"));
}

TEST_F(Files, NamesThePathAndTheReasonWhenThereIsNoFile) {
  auto file = MappedFile::open(at("absent"), 5);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error(),
            (Error{Code::kNotFound, at("absent") + ": cannot open: No such file or directory"}));
}

TEST_F(Files, RefusesFoldersPipesAndDevicesWithoutBlocking) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  for (const auto& [path, kind] : std::vector<std::pair<std::string, std::string>>{
           {folder_.string(), "a folder"}, {at("pipe"), "a pipe"}, {"/dev/zero", "a device"}}) {
    auto file = MappedFile::open(path, 5);
    ASSERT_FALSE(file) << path;
    EXPECT_EQ(file.error().code, Code::kInvalid);
    EXPECT_THAT(file.error().message, HasSubstr(path + ": is " + kind));
  }
}

TEST_F(Files, ReadsAWholeFileUpToTheLimit) {
  const auto path = write("a", std::string(100'000, 'x'));
  auto all = read_file(path, 100'000);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 100'000U);
  EXPECT_EQ(read_file(path, 99'999).error().code, Code::kTooLarge);
  EXPECT_EQ(*read_beginning(path, 3), "xxx");
}

TEST_F(Files, HoldsTheLimitEvenWhenAFileClaimsNoSize) {
  EXPECT_EQ(read_file("/proc/self/maps", 10).error().code, Code::kTooLarge);
  EXPECT_FALSE(read_file("/proc/self/maps", 10'000'000)->empty());
}

TEST_F(Files, OpensAFileBelowAFolder) {
  write("sub/weights.bin", "1234");
  auto file = open_below(folder_.string(), "sub/weights.bin");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->size, 4U);
  EXPECT_EQ(MappedFile::map(*file, 4)->text(), "1234");
}

TEST_F(Files, RefusesEveryWayOutOfTheFolder) {
  write("outside", "secret");
  std::filesystem::create_directory(folder_ / "in");
  std::filesystem::create_symlink(folder_ / "outside", folder_ / "in/link");
  std::filesystem::create_directory_symlink(folder_, folder_ / "in/up");
  for (const auto* relative : {"../outside", "/etc/passwd", "link", "up/outside", "x/../../outside"}) {
    auto file = open_below(at("in"), relative);
    ASSERT_FALSE(file) << relative;
    EXPECT_THAT(file.error().message, HasSubstr(relative));
  }
  EXPECT_EQ(open_below(at("in"), "../outside").error().code, Code::kDenied);
  EXPECT_EQ(open_below(at("in"), "link").error().code, Code::kDenied);
}

TEST_F(Files, RefusesAFileNameWithAZeroByte) {
  write("a", "1");
  auto file = open_below(folder_.string(), std::string("a\0b", 3));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kInvalid);
}

TEST_F(Files, HashesAFileInPieces) {
  const std::string text(1'000'000, 'y');
  auto digest = sha256_file(write("a", text));
  ASSERT_TRUE(digest);
  EXPECT_EQ(*digest, base::sha256(text));
}

TEST_F(Files, ListsWhatLiesInAFolderSortedByName) {
  write("b", "22");
  write("a/inner", "1");
  std::filesystem::create_symlink("b", folder_ / "c");
  auto entries = list_folder(folder_.string(), 3);
  ASSERT_TRUE(entries);
  EXPECT_THAT(*entries,
              ElementsAre(FolderEntry{"a", EntryKind::kFolder, 0}, FolderEntry{"b", EntryKind::kFile, 2},
                          FolderEntry{"c", EntryKind::kLink, 0}));
  EXPECT_EQ(list_folder(folder_.string(), 2).error().code, Code::kTooLarge);
  EXPECT_EQ(list_folder(at("b"), 2).error().code, Code::kNotFound);
}

TEST_F(Files, ClosesADescriptorOnce) {
  Descriptor first(::dup(0));
  const int fd = first.get();
  Descriptor second = std::move(first);
  EXPECT_FALSE(
      first.valid());  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move): it is what is asked
  EXPECT_EQ(second.get(), fd);
  second.close();
  EXPECT_EQ(::close(fd), -1);
}

}  // namespace
}  // namespace slipway::os
