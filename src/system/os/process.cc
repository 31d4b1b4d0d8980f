#include "system/os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "system/os/file_lock.h"

namespace slipway::os {
namespace {

using namespace std::chrono_literals;

// Everything that the child needs, made before the fork: after it, nothing may allocate.
struct Plan {
  std::vector<char*> argv, environment;
  std::vector<std::string> texts;  // that `environment` points into
  const ProcessOptions& options;
  int report = -1;  // where a step that failed is told
};

// What a child could not do, as it comes through the pipe.
enum class Step : int { kDescriptors, kFolder, kLog, kGroup, kProgram };
struct Fault {
  Step step;
  int error;
};

bool replaced(const ProcessOptions& options, std::string_view entry) {
  return std::ranges::any_of(options.environment, [&](const auto& each) {
    return entry.size() > each.first.size() && entry.starts_with(each.first) &&
           entry[each.first.size()] == '=';
  });
}

Plan plan_of(const ProcessOptions& options, int report) {
  Plan plan{.argv = {}, .environment = {}, .texts = {}, .options = options, .report = report};
  for (const std::string& word : options.argv) plan.argv.push_back(const_cast<char*>(word.c_str()));
  plan.argv.push_back(nullptr);
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!replaced(options, *entry)) plan.texts.emplace_back(*entry);
  for (const auto& [name, value] : options.environment) plan.texts.push_back(name + "=" + value);
  for (std::string& text : plan.texts) plan.environment.push_back(text.data());
  plan.environment.push_back(nullptr);
  return plan;
}

// ---- In the child, between fork and exec: system calls alone ----

[[noreturn]] void give_up(const Plan& plan, Step step) {
  const Fault fault{.step = step, .error = errno};
  [[maybe_unused]] const ssize_t told = ::write(plan.report, &fault, sizeof fault);
  ::_exit(127);
}

// What we block and handle is ours; a program begins with everything at its default.
void reset_signals() {
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &plain, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void set_streams(const Plan& plan) {
  const char* log = plan.options.log.empty() ? "/dev/null" : plan.options.log.c_str();
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int out = ::open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
  if (in < 0 || out < 0) give_up(plan, Step::kLog);
  if (::dup2(in, STDIN_FILENO) < 0 || ::dup2(out, STDOUT_FILENO) < 0 || ::dup2(out, STDERR_FILENO) < 0)
    give_up(plan, Step::kDescriptors);
}

// Copied away first: a number that one shall have may be another's now.
void pass_descriptors(Plan& plan, std::vector<int>& copies) {
  int above = plan.report + 1;
  for (const Inherited& each : plan.options.inherited)
    above = std::max({above, each.as + 1, each.descriptor + 1});
  const int report = ::fcntl(plan.report, F_DUPFD_CLOEXEC, above);
  if (report < 0) give_up(plan, Step::kDescriptors);
  plan.report = report;
  ::syscall(SYS_close_range, 3U, ~0U, 4U);  // CLOSE_RANGE_CLOEXEC: what is not passed on ends with exec
  for (size_t i = 0; i < copies.size(); ++i) {
    copies[i] = ::fcntl(plan.options.inherited[i].descriptor, F_DUPFD_CLOEXEC, above);
    if (copies[i] < 0) give_up(plan, Step::kDescriptors);
  }
  for (size_t i = 0; i < copies.size(); ++i)
    if (::dup2(copies[i], plan.options.inherited[i].as) < 0) give_up(plan, Step::kDescriptors);
}

void set_limits(const Plan& plan) {
  for (const std::string& group : plan.options.enter) {
    const int file = ::open(group.c_str(), O_WRONLY | O_CLOEXEC);
    if (file < 0 || ::write(file, "0", 1) != 1) give_up(plan, Step::kGroup);
    ::close(file);
  }
  if (plan.options.data_bytes > 0) {
    const rlimit limit{.rlim_cur = plan.options.data_bytes, .rlim_max = plan.options.data_bytes};
    ::setrlimit(RLIMIT_DATA, &limit);
  }
  if (plan.options.nice != 0)
    ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + plan.options.nice);
}

[[noreturn]] void become(Plan& plan, std::vector<int>& copies) {
  ::setsid();
  reset_signals();
  set_streams(plan);
  pass_descriptors(plan, copies);
  set_limits(plan);
  if (!plan.options.folder.empty() && ::chdir(plan.options.folder.c_str()) != 0) give_up(plan, Step::kFolder);
  ::execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  give_up(plan, Step::kProgram);
}

// ---- In the parent ----

Code code_of(int error) {
  if (error == ENOENT || error == ENOTDIR) return Code::kNotFound;
  if (error == ENOSPC || error == EDQUOT || error == ENOMEM || error == EAGAIN || error == EMFILE)
    return Code::kExhausted;
  return Code::kDenied;
}

Error error_of(const ProcessOptions& options, const Fault& fault) {
  const std::string what = fault.step == Step::kFolder  ? options.folder
                           : fault.step == Step::kLog   ? options.log
                           : fault.step == Step::kGroup ? fmt::format("{}", fmt::join(options.enter, ", "))
                           : fault.step == Step::kDescriptors ? "descriptors for " + options.argv[0]
                                                              : options.argv[0];
  return {code_of(fault.error), fmt::format("{}: {}", what, errno_text(fault.error))};
}

std::optional<Fault> read_fault(int report) {
  Fault fault{};
  ssize_t got = 0;
  do got = ::read(report, &fault, sizeof fault);
  while (got < 0 && errno == EINTR);
  return got == sizeof fault ? std::optional(fault) : std::nullopt;
}

Descriptor open_pidfd(pid_t pid) { return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<Process> Process::start(const ProcessOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(code_of(errno), "pipe: {}", errno_text(errno));
  const Descriptor read(ends[0]);
  Descriptor write(ends[1]);
  Plan plan = plan_of(options, write.get());
  std::vector<int> copies(options.inherited.size(), -1);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(code_of(errno), "{} cannot be started: {}", options.argv[0], errno_text(errno));
  if (pid == 0) become(plan, copies);
  write.close();
  // Not reaped yet, so the number is still its own.
  Descriptor pidfd = open_pidfd(pid);
  const int no_pidfd = pidfd.valid() ? 0 : errno;
  if (const auto fault = read_fault(read.get())) {
    reap(pid);
    return fail(error_of(options, *fault));
  }
  if (no_pidfd != 0) {
    ::kill(pid, SIGKILL);
    reap(pid);
    return fail(code_of(no_pidfd), "pidfd_open: {}", errno_text(no_pidfd));
  }
  return Process(pid, std::move(pidfd), Origin::kOurs);
}

std::optional<Process> Process::adopt_holder(const std::string& lock) {
  const auto holder = lock_holder(lock);
  if (!holder || *holder <= 0) return std::nullopt;
  Descriptor pidfd = open_pidfd(*holder);
  // It may have ended before, and its number gone to another.
  if (!pidfd.valid() || lock_holder(lock) != holder) return std::nullopt;
  return Process(*holder, std::move(pidfd), Origin::kAdopted);
}

std::optional<ProcessEnd> Process::end() { return end_within(0s); }

std::optional<ProcessEnd> Process::end_within(Duration timeout) {
  if (end_) return end_;
  pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ended, 1, static_cast<int>(timeout / 1ms)) <= 0) return std::nullopt;
  end_ = ProcessEnd{};
  siginfo_t info{};
  constexpr auto kByPidfd = static_cast<idtype_t>(3);  // P_PIDFD
  // ECHILD for a stranger's, and where somebody waits for every child.
  if (!child_ || ::waitid(kByPidfd, static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0) return end_;
  const bool exited = info.si_code == CLD_EXITED;
  end_ = ProcessEnd{.kind = exited ? ProcessEnd::Kind::kExited : ProcessEnd::Kind::kSignal,
                    .number = info.si_status};
  return end_;
}

Status Process::signal(int number) const {
  if (end_) return fail(Code::kNotFound, "process {} has ended", pid_);
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0) return ok();
  if (errno == ESRCH) return fail(Code::kNotFound, "process {} has ended", pid_);
  return fail(Code::kDenied, "process {} takes no signal {}: {}", pid_, number, errno_text(errno));
}

}  // namespace slipway::os
