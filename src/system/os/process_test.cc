#include "system/os/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "system/os/file_lock.h"
#include "system/os/files.h"

namespace slipway::os {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Kind = ProcessEnd::Kind;

constexpr Duration kPatience = 20s;

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "slipway-process-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ProcessOptions shell(const std::string& script) const {
    return {.argv = {"/bin/sh", "-c", script}, .log = folder_ + "/log"};
  }
  ProcessEnd run(const ProcessOptions& options) const {
    auto process = Process::start(options);
    EXPECT_TRUE(process) << process.error().message;
    if (!process) return {};
    return process->end_within(kPatience).value_or(ProcessEnd{});
  }
  std::string log() const { return read_file(folder_ + "/log", 1 << 20).value_or("no log"); }

  std::string folder_;
};

TEST_F(ProcessTest, TheExitCodeIsTold) { EXPECT_EQ(run(shell("exit 3")), (ProcessEnd{Kind::kExited, 3})); }

TEST_F(ProcessTest, TheSignalThatEndedItIsTold) {
  EXPECT_EQ(run(shell("kill -9 $$")), (ProcessEnd{Kind::kSignal, SIGKILL}));
}

TEST_F(ProcessTest, BothStreamsAreAppendedToTheLog) {
  EXPECT_EQ(run(shell("echo one; echo two >&2")).number, 0);
  EXPECT_EQ(run(shell("cat; echo three")).number, 0);  // and standard input is at its end
  EXPECT_EQ(log(), "one\ntwo\nthree\n");
}

TEST_F(ProcessTest, ItLeadsASessionOfItsOwn) {
  EXPECT_EQ(run(shell("read -r pid _ _ _ _ session _ < /proc/$$/stat; echo $pid $session $$")).number, 0);
  const std::string said = log();
  const std::string pid = said.substr(0, said.find(' '));
  EXPECT_EQ(said, pid + " " + pid + " " + pid + "\n");
}

TEST_F(ProcessTest, SignalsThatWeBlockReachIt) {
  sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  auto process = Process::start({.argv = {"/bin/sleep", "100"}});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(process) << process.error().message;
  EXPECT_EQ(process->end(), std::nullopt);
  ASSERT_TRUE(process->signal(SIGTERM));
  EXPECT_EQ(process->end_within(kPatience), (ProcessEnd{Kind::kSignal, SIGTERM}));
  EXPECT_EQ(process->signal(SIGTERM).error().code, Code::kNotFound);
}

TEST_F(ProcessTest, OnlyChosenDescriptorsAreInherited) {
  const Descriptor first(::open("/dev/zero", O_RDONLY)), second(::open("/dev/null", O_RDONLY));
  const Descriptor kept_from_it(::open("/dev/zero", O_RDONLY));
  ProcessOptions options =
      shell("for n in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$n ] && readlink /proc/$$/fd/$n; done; :");
  // Each shall have the number that the other has now.
  options.inherited = {{.descriptor = first.get(), .as = second.get()},
                       {.descriptor = second.get(), .as = first.get()}};
  EXPECT_EQ(run(options).number, 0);
  EXPECT_EQ(log(), "/dev/null\n/dev/zero\n");
}

TEST_F(ProcessTest, EnvironmentFolderLimitAndPriorityAreSetBeforeItBegins) {
  ::setenv("SLIPWAY_PROCESS_TEST", "old", 1);
  ProcessOptions options = shell("echo $SLIPWAY_PROCESS_TEST; pwd; ulimit -d; nice");
  options.environment = {{"SLIPWAY_PROCESS_TEST", "new"}};
  options.folder = folder_;
  options.data_bytes = 1 << 30;
  options.nice = 3;
  EXPECT_EQ(run(options).number, 0);
  EXPECT_THAT(log(), HasSubstr("new\n" + folder_ + "\n1048576\n"));
}

TEST_F(ProcessTest, WhatCannotBeStartedIsNamed) {
  const auto nothing = Process::start({.argv = {folder_ + "/nothing"}});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error(), (Error{Code::kNotFound, folder_ + "/nothing: No such file or directory"}));
  const auto no_log = Process::start({.argv = {"/bin/true"}, .log = folder_ + "/no/log"});
  ASSERT_FALSE(no_log);
  EXPECT_EQ(no_log.error().message, folder_ + "/no/log: No such file or directory");
}

TEST_F(ProcessTest, AHolderOfALockIsAdoptedAndItsEndSeenWithoutItsCode) {
  const std::string path = folder_ + "/lock";
  EXPECT_EQ(Process::adopt_holder(path).has_value(), false);
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const auto lock = FileLock::take(path);
    [[maybe_unused]] const auto told = ::write(ready[1], lock ? "+" : "-", 1);
    ::pause();
    ::_exit(0);
  }
  char said = 0;
  ASSERT_EQ(::read(ready[0], &said, 1), 1);
  ASSERT_EQ(said, '+');
  auto process = Process::adopt_holder(path);
  ASSERT_TRUE(process);
  EXPECT_EQ(process->pid(), holder);
  EXPECT_FALSE(process->child());
  EXPECT_EQ(process->end(), std::nullopt);
  ASSERT_TRUE(process->signal(SIGKILL));
  EXPECT_EQ(process->end_within(kPatience), (ProcessEnd{Kind::kUnknown, 0}));
  EXPECT_FALSE(Process::adopt_holder(path).has_value());
  ::waitpid(holder, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace slipway::os
