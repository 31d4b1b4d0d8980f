#include "system/os/replace_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "system/os/file_lock.h"
#include "system/os/files.h"

namespace slipway::os {
namespace {

std::string fresh_folder() {
  std::string pattern = testing::TempDir() + "slipway-os-XXXXXX";
  return ::mkdtemp(pattern.data());
}

TEST(ReplaceFile, MakesFoldersAndKeepsTheMode) {
  const std::string folder = fresh_folder();
  const std::string path = folder + "/a/b/file";
  ASSERT_TRUE(replace_file(path, "one", 0600));
  ASSERT_TRUE(replace_file(path, "two", 0600));
  EXPECT_EQ(*read_file(path, 100), "two");
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  EXPECT_EQ(list_folder(folder + "/a/b", 10)->size(), 1u);
  std::filesystem::remove_all(folder);
}

TEST(ReplaceFile, SaysWhichPathCannotBeWritten) {
  const Status refused = replace_file("/proc/nothing/file", "x", 0600);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("/proc/nothing"), std::string::npos) << refused.error().message;
}

TEST(FileLock, NamesTheProcessThatHoldsItAndGoesWithIt) {
  const std::string folder = fresh_folder();
  const std::string path = folder + "/lock";
  int ready[2], end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::take(path);
    char byte = lock ? 'y' : 'n';
    const bool told = ::write(ready[1], &byte, 1) == 1;
    ::close(end[1]);
    ::_exit(told && ::read(end[0], &byte, 1) == 0 ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  EXPECT_EQ(lock_holder(path), child);
  const auto refused = FileLock::take(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_NE(refused.error().message.find(std::to_string(child)), std::string::npos);
  ::close(end[0]);
  ::close(end[1]);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(lock_holder(path));
  EXPECT_TRUE(FileLock::take(path));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace slipway::os
