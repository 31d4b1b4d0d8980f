#include "system/os/sandbox.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <thread>

#include "system/os/child.h"

namespace slipway::os {
namespace {

using namespace std::chrono_literals;

// Runs `attempt` in a confined child; gives what it returned, or -1 where confinement is not to be had.
int confined(const std::function<bool(const Confined&)>& attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    // No limit on memory: sanitizers map terabytes.
    const auto held = confine({.readable = {testing::TempDir()}, .memory_bytes = UINT64_MAX});
    ::_exit(!held ? 3 : attempt(*held) ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Sandbox, TakesTheNetworkProgramsAndProcessesAway) {
  EXPECT_EQ(confined([](const Confined& held) {
              return held.system_calls && ::socket(AF_INET, SOCK_STREAM, 0) >= 0;
            }),
            0);
  EXPECT_EQ(confined([](const Confined& held) { return held.system_calls && ::fork() >= 0; }), 0);
  EXPECT_EQ(confined([](const Confined& held) {
              if (!held.system_calls) return false;
              ::execl("/bin/true", "true", nullptr);
              return errno != EPERM;
            }),
            0);
}

TEST(Sandbox, TakesWritingAway) {
  const std::string path = testing::TempDir() + "sandbox_test.written";
  EXPECT_EQ(confined([&](const Confined& held) {
              if (!held.system_calls) return false;
              return std::ofstream(path).is_open();
            }),
            0);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(Sandbox, LeavesReadingWhatWasNamedAndThreads) {
  const std::string path = testing::TempDir() + "sandbox_test.read";
  std::ofstream(path) << "x";
  EXPECT_EQ(confined([&](const Confined&) { return std::ifstream(path).is_open(); }), 1);
  EXPECT_EQ(confined([](const Confined&) {
              bool ran = false;
              std::thread([&] { ran = true; }).join();
              return ran;
            }),
            1);
  EXPECT_EQ(
      confined([](const Confined& held) { return held.files && std::ifstream("/root/.profile").is_open(); }),
      0);
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
