#include "system/os/sandbox.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "system/os/child.h"

namespace slipway::os {
namespace {

using namespace std::chrono_literals;

// Where a confined child may read.
std::string named() { return testing::TempDir() + "sandbox_test.named"; }

// What a child that confined itself and then called `attempt` returned; kNever when it could not.
constexpr int kNever = 100;
int confined(const std::function<int(const Confined&)>& attempt) {
  std::filesystem::create_directories(named());
  const pid_t child = ::fork();
  if (child == 0) {
    // No limit on memory: sanitizers map terabytes.
    const auto held = confine({.readable = {named()}, .memory_bytes = UINT64_MAX});
    ::_exit(held ? attempt(*held) : kNever);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : kNever;
}

bool system_calls_hold() {
  return confined([](const Confined& held) { return held.system_calls ? 1 : 0; }) == 1;
}

bool files_hold() {
  return confined([](const Confined& held) { return held.files ? 1 : 0; }) == 1;
}

constexpr auto kNoSeccomp = "seccomp filters are not to be had here, so nothing takes these calls away";
constexpr auto kNoLandlock = "Landlock is not to be had here, so nothing takes reading away";

TEST(Sandbox, AlwaysLimits) {
  EXPECT_EQ(confined([](const Confined&) {
              rlimit files{}, core{};
              ::getrlimit(RLIMIT_FSIZE, &files);
              ::getrlimit(RLIMIT_CORE, &core);
              return files.rlim_max == 0 && core.rlim_max == 0 ? 0 : 1;
            }),
            0);
}

TEST(Sandbox, TakesTheNetworkProgramsAndProcessesAway) {
  if (!system_calls_hold()) GTEST_SKIP() << kNoSeccomp;
  const auto refused = [](long result) { return result < 0 && errno == EPERM ? 0 : 1; };
  EXPECT_EQ(confined([&](const Confined&) { return refused(::socket(AF_INET, SOCK_STREAM, 0)); }), 0);
  EXPECT_EQ(confined([&](const Confined&) { return refused(::fork()); }), 0);
  EXPECT_EQ(confined([&](const Confined&) { return refused(::execl("/bin/true", "true", nullptr)); }), 0);
}

TEST(Sandbox, TakesWritingAway) {
  if (!system_calls_hold()) GTEST_SKIP() << kNoSeccomp;
  const std::string path = named() + "/written";
  EXPECT_EQ(confined([&](const Confined&) { return std::ofstream(path).is_open() ? 1 : 0; }), 0);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(Sandbox, LeavesReadingWhatWasNamedAndThreads) {
  const std::string path = named() + "/read";
  std::filesystem::create_directories(named());
  std::ofstream(path) << "x";
  EXPECT_EQ(confined([&](const Confined&) { return std::ifstream(path).is_open() ? 0 : 1; }), 0);
  EXPECT_EQ(confined([](const Confined&) {
              bool ran = false;
              std::thread([&] { ran = true; }).join();
              return ran ? 0 : 1;
            }),
            0);
  ::unlink(path.c_str());
}

TEST(Sandbox, TakesReadingWhatWasNotNamedAway) {
  if (!files_hold()) GTEST_SKIP() << kNoLandlock;
  const std::string path = testing::TempDir() + "sandbox_test.beside";
  std::ofstream(path) << "x";
  EXPECT_EQ(confined([&](const Confined&) { return std::ifstream(path).is_open() ? 1 : 0; }), 0);
  ::unlink(path.c_str());
}

TEST(Child, GivesWhatItPrintedAndHowItEnded) {
  const auto end = run_child({.argv = {"/bin/sh", "-c", "echo out; echo err >&2; exit 7"}});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->out, "out\n");
  EXPECT_EQ(end->err, "err\n");
  EXPECT_EQ(end->exit_code, 7);
  EXPECT_EQ(run_child({.argv = {"/bin/sh", "-c", "kill -SEGV $$"}})->signal, SIGSEGV);
  EXPECT_FALSE(run_child({.argv = {"/no/such/program"}}));
}

TEST(Child, IsEndedWhenItTakesTooLongOrSaysTooMuch) {
  EXPECT_TRUE(run_child({.argv = {"/bin/sleep", "100"}, .timeout = 20ms})->timed_out);
  EXPECT_TRUE(run_child({.argv = {"/usr/bin/yes"}, .output_limit = 1 << 16})->too_much_output);
}

}  // namespace
}  // namespace slipway::os
