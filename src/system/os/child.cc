#include "system/os/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "system/os/descriptor.h"

namespace slipway::os {
namespace {

using namespace std::chrono_literals;

struct Pipe {
  Descriptor read, write;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::kExhausted, "pipe: {}", std::strerror(errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

Result<pid_t> spawn(const ChildOptions& options, int out, int err) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : options.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(Code::kInternal, "{}: {}", options.argv[0], std::strerror(error));
  return pid;
}

// Appends what is there. False at the end of the stream.
bool take(int fd, std::string& to) {
  std::array<char, 65536> bytes;
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  if (got > 0) to.append(bytes.data(), static_cast<size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

// Reads both streams until they end, or a limit says to stop.
void collect(int out, int err, const ChildOptions& options, ChildEnd& end) {
  const TimePoint deadline = std::chrono::steady_clock::now() + options.timeout;
  std::array<pollfd, 2> streams{
      {{.fd = out, .events = POLLIN, .revents = 0}, {.fd = err, .events = POLLIN, .revents = 0}}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    const Duration left = deadline - std::chrono::steady_clock::now();
    if (left <= 0s) {
      end.timed_out = true;
      return;
    }
    ::poll(streams.data(), streams.size(), static_cast<int>(left / 1ms) + 1);
    if (streams[0].revents != 0 && !take(streams[0].fd, end.out)) streams[0].fd = -1;
    if (streams[1].revents != 0 && !take(streams[1].fd, end.err)) streams[1].fd = -1;
    if (std::max(end.out.size(), end.err.size()) > options.output_limit) {
      end.too_much_output = true;
      return;
    }
  }
}

// A child may close its streams and stay: it gets what is left of its time. Without a pidfd (an old kernel, a
// filter) it is looked at now and then instead.
bool ended_within(pid_t pid, int pidfd, TimePoint deadline) {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == pid)
      return true;
    const Duration left = deadline - std::chrono::steady_clock::now();
    if (left <= 0s) return false;
    pollfd wait{.fd = pidfd, .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, static_cast<int>(std::min<Duration>(left, pidfd < 0 ? 10ms : left) / 1ms) + 1);
  }
}

}  // namespace

Result<ChildEnd> run_child(const ChildOptions& options) {
  auto out = make_pipe(), err = make_pipe();
  if (!out || !err) return fail(!out ? out.error() : err.error());
  const TimePoint start = std::chrono::steady_clock::now();
  const auto pid = spawn(options, out->write.get(), err->write.get());
  if (!pid) return fail(pid.error());
  const Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  out->write.close();
  err->write.close();
  ChildEnd end;
  collect(out->read.get(), err->read.get(), options, end);
  const bool stop = end.timed_out || end.too_much_output;
  if (stop || !ended_within(*pid, pidfd.get(), start + options.timeout)) {
    end.timed_out = !end.too_much_output;
    ::kill(*pid, SIGKILL);  // not reaped yet, so the number is still its own
  }
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  return end;
}

}  // namespace slipway::os
