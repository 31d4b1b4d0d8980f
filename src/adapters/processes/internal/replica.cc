#include "adapters/processes/internal/replica.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "adapters/processes/internal/end.h"
#include "adapters/processes/internal/log_file.h"
#include "system/os/file_lock.h"
#include "system/os/files.h"
#include "system/runtime/failpoint.h"
#include "system/runtime/log.h"

namespace slipway::processes {
namespace {

using domain::Fault;
using domain::Reason;
using domain::ReplicaState;
using domain::RevisionState;
using namespace std::chrono_literals;

constexpr Duration kNobodyLooked = 5s;  // a longer gap between two looks says nothing of the replica
constexpr Duration kPastDrain = 10s;    // beyond its own deadline, before it is ended
constexpr double kNearLimit = 0.85;     // of its memory

std::string millis(Duration time) { return fmt::format("{}ms", time / 1ms); }

std::string seconds(Duration time) { return fmt::format("{} s", time / 1s); }

}  // namespace

Replica::Replica(const Place& place, const domain::RevisionSpec& revision, int ordinal)
    : place_(place),
      revision_(revision.name),
      deployment_(revision.deployment),
      name_(replica_name(revision.name, ordinal)),
      id_(replica_id(name_)),
      memory_limit_(revision.settings.memory_bytes) {}

bool Replica::says(RevisionState state) const {
  if (!said_) return false;
  for (const domain::ObservedRevision& each : said_->revisions)
    if (each.revision == revision_) return each.state == state;
  return false;
}

bool Replica::adopt(TimePoint now) {
  auto holder = os::Process::adopt_holder(place_.files.lock(id_));
  if (!holder) return false;
  runtime::log::info("processes", "adopted", {{"replica", name_}, {"pid", holder->pid()}});
  log_start_ = 0;
  begin(std::move(*holder), now);
  return true;
}

void Replica::begin(os::Process process, TimePoint now) {
  process_.emplace(std::move(process));
  said_.reset();
  silent_since_ = looked_ = now;
  hangs_ = told_to_stop_ = signalled_ = false;
  resident_ = 0;
  killed_for_.reset();
}

// The lock's file says whose it is, for whoever finds it held and knows nothing else.
Status Replica::write_name() const {
  const std::string path = place_.files.lock(id_), text = name_ + "\n";
  if (os::read_beginning(path, text.size()).value_or("") == text) return ok();
  const os::Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.valid() && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    return ok();
  return fail(Code::kDenied, "{}: {}", path, os::errno_text(errno));
}

os::ProcessOptions Replica::options_for(const domain::RevisionSpec& revision, const std::string& folder,
                                        const Granted& granted) const {
  const Options& options = place_.options;
  os::ProcessOptions out{.argv = options.command,
                         .log = place_.files.log(name_),
                         .folder = place_.files.data,
                         .enter = granted.enter,
                         .data_bytes = granted.data_bytes};
  const auto add = [&](std::string option, std::string value) {
    out.argv.push_back(std::move(option));
    out.argv.push_back(std::move(value));
  };
  add("--model", fmt::format("{}:{}={}", revision.deployment, revision.version, folder));
  add("--revision", revision.name);
  add("--expect-digest", revision.digest);
  // Relative: a socket's path has at most 107 bytes, and the data folder may be deep.
  add("--listen", fmt::format("unix:run/{}.sock", id_));
  add("--admin", fmt::format("unix:run/{}.admin.sock", id_));
  add("--lock", fmt::format("run/{}.lock", id_));
  add("--drain-quiet", millis(options.drain_quiet));
  add("--drain-deadline", millis(options.drain_deadline));
  if (granted.threads > 0) add("--threads", std::to_string(granted.threads));
  if (revision.settings.timeout > 0s) add("--timeout", millis(revision.settings.timeout));
  if (revision.settings.queue > 0) add("--queue", std::to_string(revision.settings.queue));
  return out;
}

Status Replica::spawn(const domain::RevisionSpec& revision, const std::string& folder) {
  if (Status named = write_name(); !named) return named;
  log_start_ = rotate_log(place_.files.log(name_), place_.options.log_bytes);
  const auto granted = place_.limits.grant(id_, revision.settings);
  if (!granted) return fail(granted.error());
  FAILPOINT("processes.before_start");
  auto process = os::Process::start(options_for(revision, folder, *granted));
  FAILPOINT("processes.after_start");
  if (!process) return fail(process.error());
  process_.emplace(std::move(*process));
  return ok();
}

void Replica::start(const domain::RevisionSpec& revision, const std::string& folder, TimePoint now) {
  if (adopt(now)) return;
  memory_limit_ = revision.settings.memory_bytes;
  if (Status spawned = spawn(revision, folder); !spawned) return fail_start(spawned.error(), now);
  begin(std::move(*process_), now);
  runtime::log::info("processes", "started", {{"replica", name_}, {"pid", process_->pid()}});
}

void Replica::fail_start(const Error& error, TimePoint now) {
  failures_.note_end(now);
  const bool disk = error.code == Code::kDenied || error.code == Code::kExhausted;
  fault_ = Fault{disk ? Reason::kDiskFull : Reason::kExited, "it cannot be started: " + error.message};
  runtime::log::warn("processes", "a replica cannot be started",
                     {{"replica", name_}, {"error", error.message}});
}

std::optional<Reason> Replica::look(TimePoint now) {
  if (!process_) return std::nullopt;
  if (const auto ended = process_->end()) return end(*ended, now);
  if (memory_limit_ > 0 && place_.limits.must_watch()) resident_ = resident_bytes(process_->pid());
  return std::nullopt;
}

std::optional<Reason> Replica::end(const os::ProcessEnd& end, TimePoint now) {
  const bool meant = leaving();
  const bool lost_race = end == os::ProcessEnd{os::ProcessEnd::Kind::kExited, 0};
  process_.reset();
  if (!meant && lost_race && adopt(now)) return std::nullopt;
  if (meant)
    runtime::log::info("processes", "stopped", {{"replica", name_}});
  else
    note_end(end, now);
  place_.limits.release(id_);
  said_.reset();
  hangs_ = false;
  told_to_stop_ = meant;  // also by somebody else: another has its place by now
  return meant ? std::nullopt : std::optional(fault_->reason);
}

void Replica::note_end(const os::ProcessEnd& end, TimePoint now) {
  failures_.note_end(now);
  fault_ = killed_for_
               ? *killed_for_
               : fault_of({.end = end,
                           .log = log_tail(place_.files.log(name_), log_start_),
                           .out_of_memory = near_memory_limit() || place_.limits.ran_out_of_memory(id_),
                           .memory_limit = memory_limit_});
  runtime::log::warn("processes", "a replica ended by itself",
                     {{"replica", name_},
                      {"reason", domain::name(fault_->reason)},
                      {"failures", failures_.count()},
                      {"error", fault_->message}});
}

void Replica::hear(const http::ProbeAnswer* answer, TimePoint now) {
  if (!process_) return;
  // Whoever did not look must not blame the replica for it.
  if (silent_since_ && now - looked_ > kNobodyLooked) silent_since_ = now;
  looked_ = now;
  auto said = answer ? domain::parse_observed(answer->body) : fail(Code::kUnavailable, "silence");
  if (said) {
    said_ = std::move(*said);
    silent_since_.reset();
  } else if (!silent_since_) {
    silent_since_ = now;
  }
  hangs_ = silent_for(place_.options.hanging_after, now);
  if (!ready()) failures_.note_not_ready();
  if (ready() && failures_.note_ready(now)) fault_.reset();
  if (leaving() || !silent_for(place_.options.kill_hanging_after, now)) return;
  killed_for_ = Fault{Reason::kHanging, fmt::format("it said nothing for {} and was ended",
                                                    seconds(place_.options.kill_hanging_after))};
  static_cast<void>(process_->signal(SIGKILL));  // one that has just ended is seen at the next look
}

void Replica::stop(TimePoint now) {
  if (!process_) return;
  if (!signalled_) {
    // A second signal would end it at once; whether an earlier control sent one, it says itself.
    if (unheard() && !hangs_) return;
    FAILPOINT("processes.before_stop");
    const bool draining = says(RevisionState::kDraining);
    if (!draining) static_cast<void>(process_->signal(SIGTERM));
    told_to_stop_ = signalled_ = true;
    signalled_at_ = now;
    return;
  }
  const Duration since = now - signalled_at_;
  const bool overdue = since >= place_.options.drain_deadline + kPastDrain;
  if (overdue || (hangs_ && since >= place_.options.hanging_after))
    static_cast<void>(process_->signal(SIGKILL));
}

void clear_away(const Files& files, const std::string& id) {
  const std::string path = files.lock(id);
  const auto lock = os::FileLock::take(path);
  if (!lock) return;
  for (const char* end : {".sock", ".admin.sock"})
    ::unlink(fmt::format("{}/{}{}", files.run(), id, end).c_str());
  // Held while its file goes: who takes it at the same moment looks again (file_lock.h).
  ::unlink(path.c_str());
}

bool Replica::near_memory_limit() const {
  return memory_limit_ > 0 &&
         static_cast<double>(resident_) >= kNearLimit * static_cast<double>(memory_limit_);
}

domain::ReplicaObserved Replica::observed(TimePoint now) const {
  domain::ReplicaObserved out{.name = name_,
                              .address = id_ + ".sock",
                              .revision = revision_,
                              .deployment = deployment_,
                              .state = ReplicaState::kStarting,
                              .failures = failures_.count(),
                              .fault = fault_,
                              .load = said_.value_or(domain::Observed{})};
  if (!process_) {
    out.state = failures_.count() > 0 ? ReplicaState::kBackingOff : ReplicaState::kPreparing;
  } else if (leaving()) {
    out.state = ReplicaState::kDraining;
  } else if (hangs_) {
    out.state = ReplicaState::kHanging;
    out.fault =
        Fault{Reason::kHanging, fmt::format("process {} runs and has said nothing for {}", process_->pid(),
                                            seconds(silent_since_ ? now - *silent_since_ : Duration{0}))};
    out.load = {};
  } else if (ready()) {
    out.state = ReplicaState::kReady;
    if (near_memory_limit())
      out.fault = Fault{Reason::kMemoryPressure,
                        fmt::format("it has {} MiB of its {} MiB", resident_ >> 20, memory_limit_ >> 20)};
  }
  return out;
}

}  // namespace slipway::processes
