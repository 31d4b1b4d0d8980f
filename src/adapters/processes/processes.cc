#include "adapters/processes/processes.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "adapters/processes/internal/crew.h"
#include "adapters/processes/internal/log_file.h"
#include "system/os/files.h"
#include "system/os/replace_file.h"
#include "system/runtime/failpoint.h"
#include "system/runtime/log.h"
#include "values/base/digest.h"
#include "values/domain/names.h"

namespace slipway::processes {
namespace {

using domain::Action;
using domain::ActionKind;
using domain::GatewaySeen;
using domain::Observation;
using namespace std::chrono_literals;

constexpr const char* kGateway = "gateway";
constexpr size_t kMostFiles = 100'000;  // of the run folder
constexpr Duration kScanAgain = 10s;    // for who runs and is not known
constexpr Duration kUnheardFor = 3s;    // after the start, before what was found running is shown as silent

// A full disk and one that may not be written to are the same to whoever waits: it has to be mended.
Error disk_error(Error error) {
  return {Code::kDenied,
          fmt::format("what was told cannot be kept: {}; make room, or the folder writable", error.message)};
}

// In the words of the closed list.
domain::Fault refusal_of(const Error& error) {
  using domain::Reason;
  const Reason reason = error.code == Code::kExhausted ? Reason::kInsufficientMemory
                        : error.code == Code::kDenied  ? Reason::kDiskFull
                                                       : Reason::kEnvironmentUnavailable;
  return {reason, error.message};
}

Files files_of(const std::string& data) { return {.data = data}; }

// What one replica may come to need. Who asks for nothing needs something all the same: a server with a small
// model in it.
double promise(const domain::RevisionSpec& revision) {
  constexpr int64_t kLeast = 32 << 20;
  return static_cast<double>(revision.settings.memory_bytes > 0 ? revision.settings.memory_bytes : kLeast);
}

}  // namespace

class Processes::World {
 public:
  World(Options options, const runtime::Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        place_{.options = options_,
               .files = files_of(options_.data),
               .limits = Limits::find(options_.control_groups == Options::Groups::kNever
                                          ? Limits::Groups::kNever
                                          : Limits::Groups::kWhereWritable,
                                      "slipway-" + base::sha256(options_.data).short_hex()),
               .memory = options_.memory_bytes > 0 ? options_.memory_bytes : machine_memory()},
        fetcher_(options_.fetch),
        prober_(http::Prober::sockets_in(place_.files.run())),
        opened_at_(clock.now()) {}

  Status open();
  Result<Observation> observe();
  Status apply(const Action& action);
  const std::string& limits_text() const { return place_.limits.text(); }

 private:
  // Whether files of nobody go: not right after the start, when somebody may be about to take its lock.
  enum class Litter : uint8_t { kStays, kGoes };
  Status scan(TimePoint now, Litter litter);
  bool take_in(const std::string& id, TimePoint now);
  void ask(TimePoint now);
  Status check(const Action& action) const;
  Status check_memory(const Action& action) const;
  Status keep(const Told& told) const;
  void forget_gone();
  bool has_gateway() const;
  GatewaySeen gateway(const std::map<std::string, http::ProbeAnswer>& answers) const;

  const Options options_;
  const runtime::Clock& clock_;
  const Place place_;
  Fetcher fetcher_;
  http::Prober prober_;
  const TimePoint opened_at_;
  TimePoint scanned_at_;
  std::map<std::string, std::unique_ptr<Crew>, std::less<>> crews_;  // by revision
  std::vector<GatewaySeen> gateways_;
};

Status Processes::World::open() {
  for (const std::string& folder : {place_.files.run(), options_.data + "/logs"})
    if (Status made = os::make_folders(folder); !made) return made;
  const auto all = read_all_told(place_.files);
  if (!all) return fail(all.error());
  const TimePoint now = clock_.now();
  for (const Told& told : *all) {
    auto crew = std::make_unique<Crew>(place_, fetcher_, told);
    for (int ordinal = 0; ordinal < told.replicas; ++ordinal) crew->adopt(ordinal, now);
    crews_.emplace(told.revision.name, std::move(crew));
  }
  return scan(now, Litter::kStays);
}

// Locks say whose they are. Who runs beyond what was told drains already, replaces another, or was started by
// somebody whose word is lost.
Status Processes::World::scan(TimePoint now, Litter litter) {
  const auto entries = os::list_folder(place_.files.run(), kMostFiles);
  if (!entries) return fail(Code::kUnavailable, "what runs cannot be seen: {}", entries.error().message);
  constexpr std::string_view kEnd = ".lock";
  for (const os::FolderEntry& entry : *entries) {
    if (!entry.name.ends_with(kEnd)) continue;
    const std::string id = entry.name.substr(0, entry.name.size() - kEnd.size());
    if (!is_replica_id(id) || take_in(id, now) || litter == Litter::kStays) continue;
    clear_away(place_.files, id);
    place_.limits.release(id);
  }
  scanned_at_ = now;
  return ok();
}

// False: nobody of ours holds it.
bool Processes::World::take_in(const std::string& id, TimePoint now) {
  const std::string text = os::read_beginning(place_.files.lock(id), 512).value_or("");
  const std::string name = text.substr(0, text.find('\n'));
  const auto parsed = parse_replica_name(name);
  if (!parsed || replica_id(name) != id) return false;
  auto at = crews_.find(parsed->revision);
  if (at != crews_.end()) {
    if (!at->second->knows(parsed->ordinal)) at->second->adopt(parsed->ordinal, now);
    return at->second->knows(parsed->ordinal);
  }
  auto guess = guess_revision(parsed->revision);
  if (!guess) return false;
  auto crew = Crew::of_found(place_, fetcher_, std::move(*guess), now);
  crew->adopt(parsed->ordinal, now);
  if (crew->most_running() == 0) return false;
  runtime::log::warn("processes", "runs, though nothing is written of it", {{"replica", name}});
  crews_.emplace(parsed->revision, std::move(crew));
  return true;
}

Result<Observation> Processes::World::observe() {
  const TimePoint now = clock_.now();
  if (now - scanned_at_ >= kScanAgain)
    if (Status scanned = scan(now, Litter::kGoes); !scanned) return fail(scanned.error());
  for (auto& [name, crew] : crews_) crew->look(now);
  ask(now);
  int unheard = 0;
  for (auto& [name, crew] : crews_) unheard += crew->unheard();
  for (auto& [name, crew] : crews_) crew->step(now);
  forget_gone();
  // Shown as silent, they would lose their requests only because we have just come.
  if (unheard > 0 && now - opened_at_ < kUnheardFor)
    return fail(Code::kUnavailable, "{} replicas that were found running have not answered yet", unheard);
  Observation out;
  for (const auto& [name, crew] : crews_) crew->observe(now, out);
  out.gateways = gateways_;
  return out;
}

void Processes::World::ask(TimePoint now) {
  std::vector<std::string> sockets;
  int unheard = 0;
  for (const auto& [name, crew] : crews_) {
    crew->add_sockets(sockets);
    unheard += crew->unheard();
  }
  const bool with_gateway = has_gateway();
  if (with_gateway) sockets.push_back(fmt::format("{}.admin.sock", kGateway));
  const auto answers = prober_.ask(sockets, unheard > 0 ? options_.first_patience : options_.patience);
  for (auto& [name, crew] : crews_) crew->hear(answers, now);
  gateways_.clear();
  if (with_gateway) gateways_.push_back(gateway(answers));
}

// One that ran here once is missed when it does not answer; a machine without one has none to wait for.
bool Processes::World::has_gateway() const {
  const auto there = [&](const char* end) {
    return ::access(fmt::format("{}/{}{}", place_.files.run(), kGateway, end).c_str(), F_OK) == 0;
  };
  return there(".lock") || there(".admin.sock");
}

// What it said to an earlier question may no longer be so, and requests hang on it.
GatewaySeen Processes::World::gateway(const std::map<std::string, http::ProbeAnswer>& answers) const {
  GatewaySeen out{.name = kGateway, .answers = false, .said = {}};
  const auto answer = answers.find(fmt::format("{}.admin.sock", kGateway));
  if (answer == answers.end() || !answer->second.fresh) return out;
  auto said = domain::parse_gateway_observed(answer->second.body);
  if (!said) {
    runtime::log::warn("processes", "the gateway's answer cannot be read", {{"error", said.error().message}});
    return out;
  }
  out.answers = true;
  out.said = std::move(*said);
  return out;
}

Status Processes::World::check(const Action& action) const {
  if (Status named = domain::check_name(action.revision.name); !named)
    return fail(base::within("revision " + action.revision.name, named.error()));
  if (action.kind == ActionKind::kRemove) return ok();
  if (action.replicas < 0 || action.replicas > kMostReplicas)
    return fail(Code::kInvalid, "revision {}: {} replicas, at most {} are possible", action.revision.name,
                action.replicas, kMostReplicas);
  return check_memory(action);
}

// Requests are promises: the machine must be able to keep them all at once. Fewer replicas are always taken.
Status Processes::World::check_memory(const Action& action) const {
  const auto at = crews_.find(action.revision.name);
  if (at != crews_.end() && !at->second->found() && action.replicas <= at->second->told().replicas)
    return ok();
  double promised = 0;
  for (const auto& [name, crew] : crews_)
    if (name != action.revision.name) promised += promise(crew->told().revision) * crew->most_running();
  const double wanted = promise(action.revision) * action.replicas;
  if (promised + wanted <= static_cast<double>(place_.memory)) return ok();
  constexpr double kMiB = 1 << 20;
  return fail(
      Code::kExhausted,
      "{} replicas of {} want {:.0f} MiB, others have {:.0f} MiB, and there are {:.0f} MiB here; ask for "
      "fewer replicas or less memory",
      action.replicas, action.revision.name, wanted / kMiB, promised / kMiB,
      static_cast<double>(place_.memory) / kMiB);
}

Status Processes::World::keep(const Told& told) const {
  if (Status kept = os::replace_file(place_.files.told(told.revision.name), to_text(told), 0600); !kept)
    return fail(disk_error(kept.error()));
  FAILPOINT("processes.after_told");
  return ok();
}

Status Processes::World::apply(const Action& action) {
  if (Status checked = check(action); !checked) return checked;
  auto& crew = crews_[action.revision.name];
  const bool removes = action.kind == ActionKind::kRemove;
  if (!crew && removes) return crews_.erase(action.revision.name), ok();
  Told told{.revision = action.revision, .replicas = action.replicas};
  if (removes) told = {.revision = crew->told().revision, .replicas = 0, .life = Told::Life::kRemoved};
  const bool same = crew && !crew->found() && crew->told() == told;
  if (same) return ok();
  // What was never written needs no word of its end.
  const bool written = !removes || !crew->found();
  if (Status kept = written ? keep(told) : ok(); !kept) {
    if (!crew) crews_.erase(action.revision.name);
    return kept;
  }
  if (!crew) crew = std::make_unique<Crew>(place_, fetcher_, told);
  crew->tell(told);
  crew->step(clock_.now());
  return ok();
}

void Processes::World::forget_gone() {
  for (auto at = crews_.begin(); at != crews_.end();) {
    if (!at->second->gone()) {
      ++at;
      continue;
    }
    FAILPOINT("processes.before_forget");
    ::unlink(place_.files.told(at->first).c_str());
    runtime::log::info("processes", "removed", {{"revision", at->first}});
    at = crews_.erase(at);
    trim_logs(
        options_.data + "/logs", [this](std::string_view revision) { return crews_.contains(revision); },
        options_.old_logs);
  }
}

Processes::Processes(std::unique_ptr<World> world) : world_(std::move(world)) {}
Processes::~Processes() = default;

Result<std::unique_ptr<Processes>> Processes::open(Options options, const runtime::Clock& clock) {
  // Replicas start in the data folder, so every path must hold there too.
  std::error_code failed;
  options.data = std::filesystem::absolute(options.data, failed).lexically_normal().string();
  while (options.data.size() > 1 && options.data.ends_with('/')) options.data.pop_back();
  if (failed) return fail(Code::kInvalid, "the data folder: {}", failed.message());
  if (options.command.empty() || !options.command[0].starts_with('/'))
    return fail(Code::kInvalid, "the program of replicas is no absolute path");
  auto world = std::make_unique<World>(std::move(options), clock);
  if (Status opened = world->open(); !opened) return fail(opened.error());
  return std::unique_ptr<Processes>(new Processes(std::move(world)));
}

Result<Observation> Processes::observe() { return world_->observe(); }
environment::Applied Processes::apply(const Action& action) {
  const Status done = world_->apply(action);
  if (done) return {};
  return environment::refuse(refusal_of(done.error()));
}
std::string Processes::limits_text() const { return world_->limits_text(); }

}  // namespace slipway::processes
