#include "services/supervisor/supervisor.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "system/os/pass_descriptor.h"
#include "system/os/replace_file.h"
#include "system/runtime/log.h"

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr int kInheritedSocket = 3;
constexpr Duration kAskPatience = 2s;
constexpr Duration kLongestRest = 1s;

std::string run(const std::string& data, const std::string& name) { return data + "/run/" + name; }

}  // namespace

std::string lock_of(const std::string& data, const std::string& part) { return run(data, part + ".lock"); }
std::string admin_of(const std::string& data, const std::string& part) {
  return run(data, part + ".admin.sock");
}

Supervisor::Supervisor(Options options, os::FileLock lock, const runtime::Clock& clock)
    : options_(std::move(options)), lock_(std::move(lock)), clock_(clock) {}
Supervisor::~Supervisor() = default;

Result<std::unique_ptr<Supervisor>> Supervisor::start(Options options, const runtime::Clock& clock) {
  for (const char* folder : {"/run", "/logs"})
    if (Status made = os::make_folders(options.data + folder); !made) return fail(made.error());
  auto lock = os::FileLock::take(lock_of(options.data, "supervisor"));
  if (!lock) return fail(lock.error());
  // Replicas are control's children; when it dies they become ours, so that somebody sees them end.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::unique_ptr<Supervisor> out(new Supervisor(std::move(options), std::move(*lock), clock));
  if (Status begun = out->begin(); !begun) {
    return fail(begun.error());
  }
  return out;
}

Status Supervisor::begin() {
  if (Status taken = take_socket(); !taken) return taken;
  control_ = std::make_unique<Part>(control_part());
  gateway_ = std::make_unique<Part>(gateway_part());
  for (Part* part : {control_.get(), gateway_.get()})
    if (!part->adopt(clock_.now()))
      if (Status started = part->start(clock_.now()); !started) return started;
  return ok();
}

// A gateway that lives has the socket: to bind again would fail, and its next death would refuse callers.
Status Supervisor::take_socket() {
  if (os::lock_holder(lock_of(options_.data, "gateway"))) {
    auto socket = os::ask_for_descriptor(run(options_.data, "gateway.fd"), kAskPatience);
    if (!socket) return fail(base::within("the gateway that runs does not give its socket", socket.error()));
    socket_ = std::move(*socket);
  } else {
    const auto socket = http::listen_on(options_.listen);
    if (!socket) return fail(socket.error());
    socket_ = os::Descriptor(*socket);
  }
  auto bound = http::bound_address(socket_.get());
  if (!bound) return fail(bound.error());
  listening_ = std::move(*bound);
  return ok();
}

PartOptions Supervisor::control_part() const {
  PartOptions out{.name = "control",
                  .lock = lock_of(options_.data, "control"),
                  .admin = admin_of(options_.data, "control"),
                  .process = {}};
  out.process.argv = {options_.program, "control",    "--data",        options_.data,
                      "--listen",       options_.api, "--gateway-url", "http://" + listening_.str()};
  if (!options_.api_admin.empty())
    out.process.argv.insert(out.process.argv.end(), {"--admin", options_.api_admin});
  out.process.argv.insert(out.process.argv.end(), options_.flags.begin(), options_.flags.end());
  out.process.log = options_.data + "/logs/control.log";
  return out;
}

void Supervisor::keep_api_at(const std::string& address) {
  std::vector<std::string>& argv = control_->process().argv;
  const auto option = std::find(argv.begin(), argv.end(), "--listen");
  if (option != argv.end() && option + 1 != argv.end()) option[1] = address;
}

PartOptions Supervisor::gateway_part() const {
  PartOptions out{.name = "gateway",
                  .lock = lock_of(options_.data, "gateway"),
                  .admin = admin_of(options_.data, "gateway"),
                  .process = {}};
  out.process.argv = {options_.program, "gateway",  "--data",
                      options_.data,    "--listen", fmt::format("fd:{}", kInheritedSocket)};
  if (!options_.gateway_admin.empty())
    out.process.argv.insert(out.process.argv.end(), {"--admin", options_.gateway_admin});
  out.process.argv.insert(out.process.argv.end(), options_.flags.begin(), options_.flags.end());
  out.process.log = options_.data + "/logs/gateway.log";
  out.process.inherited = {{.descriptor = socket_.get(), .as = kInheritedSocket}};
  return out;
}

Status Supervisor::wait_ready(Duration patience) {
  const TimePoint deadline = clock_.now() + patience;
  for (Part* part : {control_.get(), gateway_.get()})
    while (!part->is_ready()) {
      if (!part->is_running())
        return fail(Code::kUnavailable, "{} ended at once; its log says: {}", part->name(),
                    part->last_words());
      if (clock_.now() >= deadline)
        return fail(Code::kTimeout, "{} is not ready after {} s; its log says: {}", part->name(),
                    std::chrono::floor<std::chrono::seconds>(patience).count(), part->last_words());
      ::poll(nullptr, 0, 10);
    }
  return ok();
}

void Supervisor::wait(const sigset_t& signals) {
  const os::Descriptor signal(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  while (true) {
    const TimePoint now = clock_.now();
    const TimePoint next = std::min({control_->step(now), gateway_->step(now), now + kLongestRest});
    reap_strangers();
    std::array<pollfd, 3> all{{{signal.get(), POLLIN, 0},
                               {control_->descriptor(), POLLIN, 0},
                               {gateway_->descriptor(), POLLIN, 0}}};
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(next - clock_.now()).count();
    ::poll(all.data(), all.size(), static_cast<int>(std::max<int64_t>(0, rest)));
    signalfd_siginfo info{};
    if (::read(signal.get(), &info, sizeof info) == sizeof info) return;
  }
}

// Replicas whose control died: nobody else will take note of their end. The parts' own ends are theirs to
// see.
void Supervisor::reap_strangers() {
  siginfo_t seen{};
  while (::waitid(P_ALL, 0, &seen, WEXITED | WNOHANG | WNOWAIT) == 0 && seen.si_pid != 0) {
    if (seen.si_pid == control_->pid() || seen.si_pid == gateway_->pid()) return;
    ::waitid(P_PID, static_cast<id_t>(seen.si_pid), &seen, WEXITED | WNOHANG);
    seen = {};
  }
}

void Supervisor::stop() {
  // Nobody may be sent to a socket that no one will accept from.
  socket_.close();
  end_all(options_.data);
}

}  // namespace slipway::supervisor
