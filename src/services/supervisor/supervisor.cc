#include "services/supervisor/supervisor.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "services/supervisor/where.h"
#include "system/os/pass_descriptor.h"
#include "system/runtime/log.h"

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr int kInheritedSocket = 3;
constexpr Duration kAskPatience = 2s;
constexpr Duration kStopPatience = 35s;  // a server's own deadline for its drain is 30 s
constexpr Duration kLongestRest = 1s;
constexpr int kLookMs = 10;

std::string run(const std::string& data, const std::string& name) { return data + "/run/" + name; }

void log_end(const std::string& what) { runtime::log::info("supervisor", "ended", {{"what", what}}); }

}  // namespace

Supervisor::Supervisor(Options options, os::FileLock lock, const runtime::Clock& clock)
    : options_(std::move(options)), lock_(std::move(lock)), clock_(clock) {}
Supervisor::~Supervisor() = default;

Result<std::unique_ptr<Supervisor>> Supervisor::start(Options options, os::FileLock lock,
                                                      const runtime::Clock& clock) {
  // Replicas are control's children; when it dies they become ours, so that somebody sees them end.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::unique_ptr<Supervisor> out(new Supervisor(std::move(options), std::move(lock), clock));
  if (Status begun = out->begin(); !begun) {
    out->undo();
    return fail(begun.error());
  }
  return out;
}

Status Supervisor::begin() {
  found_ = !running_in(options_.data).empty();
  if (Status taken = take_socket(); !taken) return taken;
  control_ = std::make_unique<Part>(control_part());
  gateway_ = std::make_unique<Part>(gateway_part());
  for (Part* part : {control_.get(), gateway_.get()}) {
    if (part->adopt(clock_.now())) {
      if (part == gateway_.get() || options_.told.empty() || options_.told == url_of(listening_)) continue;
      // It would go on telling people where the gateway was.
      part->stop(kStopPatience);
    }
    if (Status started = part->start(clock_.now()); !started) return started;
  }
  return ok();
}

Status Supervisor::take_socket() {
  if (Status adopted = adopt_socket(); !adopted) return adopted;
  if (!socket_.valid()) {
    const auto socket = http::listen_on(options_.listen);
    if (!socket) return fail(socket.error());
    socket_ = os::Descriptor(*socket);
  }
  auto bound = http::bound_address(socket_.get());
  if (!bound) return fail(bound.error());
  listening_ = std::move(*bound);
  if (options_.where == Options::Where::kAnywhere || is_at(options_.listen, listening_)) return ok();
  return fail(Code::kInvalid, "the gateway that runs in {} is at {}, not at {}; stop it first: slipway down",
              options_.data, listening_.str(), options_.listen.str());
}

// A gateway that lives has the socket: to bind again would fail, and its next death would refuse callers. One
// that has just begun gives it a moment later.
Status Supervisor::adopt_socket() {
  const std::string lock = lock_of(options_.data, "gateway");
  const TimePoint deadline = clock_.now() + kAskPatience;
  while (const auto holder = os::lock_holder(lock)) {
    auto socket = os::ask_for_descriptor(run(options_.data, "gateway.fd"), kAskPatience);
    if (socket) return socket_ = std::move(*socket), ok();
    if (clock_.now() >= deadline)
      return fail(
          Code::kUnavailable,
          "the gateway that runs (process {}) does not give its socket: {}; stop it first: slipway down",
          *holder, socket.error().message);
    ::poll(nullptr, 0, kLookMs);
  }
  return ok();
}

PartOptions Supervisor::control_part() const {
  PartOptions out{.name = "control",
                  .lock = lock_of(options_.data, "control"),
                  .admin = admin_of(options_.data, "control"),
                  .process = {}};
  out.process.argv = {options_.program, "control",    "--data",        options_.data,
                      "--listen",       options_.api, "--gateway-url", url_of(listening_)};
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

Status Supervisor::wait_ready(Duration patience, const sigset_t& signals) {
  const TimePoint deadline = clock_.now() + patience;
  const timespec look{0, kLookMs * 1'000'000};
  const std::array<Part*, 2> parts{control_.get(), gateway_.get()};
  while (true) {
    const Part* waited_for = nullptr;
    for (Part* part : parts)
      if (!part->is_ready()) waited_for = part;
    for (Part* part : parts)
      if (!part->is_running())
        return fail(Code::kUnavailable, "{} ended at once; its log says: {}", part->name(),
                    part->last_words());
    if (!waited_for) return ok();
    if (clock_.now() >= deadline)
      return fail(Code::kTimeout, "{} is not ready after {} s; its log says: {}", waited_for->name(),
                  std::chrono::floor<std::chrono::seconds>(patience).count(), waited_for->last_words());
    if (::sigtimedwait(&signals, nullptr, &look) > 0)
      return fail(Code::kUnavailable, "stopped before {} was ready", waited_for->name());
  }
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
  // By what we know of them: one that was just started does not hold its lock yet.
  for (Part* part : {gateway_.get(), control_.get()})
    if (part && part->stop(kStopPatience)) log_end(part->name());
  const TimePoint deadline = clock_.now() + kStopPatience;
  do end_all(options_.data, log_end);
  while (has_children() && clock_.now() < deadline);
}

void Supervisor::undo() {
  if (!found_) return stop();
  for (Part* part : {gateway_.get(), control_.get()})
    if (part && part->is_ours()) part->stop(kStopPatience);
}

// Replicas that do not hold their locks yet: control's, and ours since its end.
bool Supervisor::has_children() {
  siginfo_t seen{};
  while (::waitid(P_ALL, 0, &seen, WEXITED | WNOHANG) == 0) {
    if (seen.si_pid == 0) return ::poll(nullptr, 0, kLookMs), true;
    seen = {};
  }
  return false;
}

}  // namespace slipway::supervisor
