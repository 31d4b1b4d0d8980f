#include "adapters/processes/internal/crew.h"

#include <algorithm>
#include <filesystem>

#include "adapters/processes/internal/seats.h"
#include "system/os/files.h"
#include "system/runtime/log.h"

namespace slipway::processes {
namespace {

using domain::Fault;
using domain::Reason;
using domain::ReplicaState;

// A fork takes its time, and others wait for the pass to end.
constexpr int kStartsInOnePass = 8;

// Of a folder that is there.
std::string absolute_path(const std::string& path) {
  std::error_code failed;
  const std::string out = std::filesystem::absolute(path, failed).lexically_normal().string();
  return failed ? path : out;
}

}  // namespace

Crew::Crew(const Place& place, Fetcher& fetcher, Told told)
    : place_(place), fetcher_(fetcher), told_(std::move(told)) {}

std::unique_ptr<Crew> Crew::of_found(const Place& place, Fetcher& fetcher, domain::RevisionSpec guess,
                                     TimePoint now) {
  auto crew = std::make_unique<Crew>(place, fetcher, Told{.revision = std::move(guess)});
  crew->found_at_ = now;
  return crew;
}

void Crew::tell(const Told& told) {
  if (told.life == Told::Life::kWanted || !told.revision.digest.empty()) told_.revision = told.revision;
  told_.replicas = told.replicas;
  told_.life = told.life;
  found_at_.reset();
}

int Crew::most_running() const {
  const auto running = std::count_if(replicas_.begin(), replicas_.end(),
                                     [](const auto& each) { return each.second->running(); });
  return std::max(wanted(), static_cast<int>(running));
}

int Crew::unheard() const {
  return static_cast<int>(std::count_if(replicas_.begin(), replicas_.end(),
                                        [](const auto& each) { return each.second->unheard(); }));
}

Replica& Crew::replica(int ordinal) {
  auto& at = replicas_[ordinal];
  if (!at) at = std::make_unique<Replica>(place_, told_.revision, ordinal);
  return *at;
}

void Crew::adopt(int ordinal, TimePoint now) {
  if (!replica(ordinal).adopt(now)) replicas_.erase(ordinal);
}

void Crew::look(TimePoint now) {
  // Files that cannot be served are held against their digests once more.
  for (auto& [ordinal, each] : replicas_)
    if (each->look(now) == Reason::kLoadFailed) folder_.clear();
}

void Crew::add_sockets(std::vector<std::string>& sockets) const {
  for (const auto& [ordinal, each] : replicas_)
    if (each->running()) sockets.push_back(each->admin_socket());
}

void Crew::hear(const std::map<std::string, http::ProbeAnswer>& answers, TimePoint now) {
  for (auto& [ordinal, each] : replicas_) {
    const auto answer = answers.find(each->admin_socket());
    each->hear(answer == answers.end() ? nullptr : &answer->second, now);
  }
}

void Crew::step(TimePoint now) {
  if (found_at_) {
    if (now - *found_at_ < place_.options.found_for) return;
    runtime::log::warn("processes", "runs, and nobody wants it", {{"revision", told_.revision.name}});
    told_.life = Told::Life::kRemoved;
    found_at_.reset();
  }
  relieve(now);
  std::vector<Seat> seats;
  for (const auto& [ordinal, each] : replicas_)
    seats.push_back({.ordinal = ordinal,
                     .running = each->running(),
                     .ready = each->ready(),
                     .leaving = each->leaving(),
                     .retiring = each->retiring(),
                     .due = each->due(now)});
  const Steps steps = next_steps(seats, wanted());
  for (const int ordinal : steps.forget) {
    clear_away(place_.files, replica(ordinal).id());
    replicas_.erase(ordinal);
  }
  const bool have_files = steps.start.empty() || bring_files(now);
  for (size_t i = 0; i < steps.start.size() && i < kStartsInOnePass; ++i)
    have_files ? start(steps.start[i], now) : static_cast<void>(replica(steps.start[i]));
  for (const int ordinal : steps.stop) replica(ordinal).stop(now);
  for (auto& [ordinal, each] : replicas_)
    if (each->leaving()) each->stop(now);
}

void Crew::start(int ordinal, TimePoint now) {
  Replica& one = replica(ordinal);
  one.start(told_.revision, folder_, now);
}

// True: they are here. What failed is tried again later, and damaged files are made anew by whoever brings
// them.
bool Crew::bring_files(TimePoint now) {
  if (!folder_.empty() && os::is_folder(folder_)) return true;
  if (auto brought = fetcher_.take(told_.revision.name)) {
    if (*brought) {
      folder_ = absolute_path(**brought);  // replicas start elsewhere
      fetch_failures_ = {};
      fetch_fault_.reset();
      return true;
    }
    const Error& error = brought->error();
    fetch_failures_.note_end(now);
    fetch_fault_ =
        Fault{error.code == Code::kInvalid ? Reason::kDigestMismatch : Reason::kFetchFailed, error.message};
    runtime::log::warn("processes", "files could not be brought",
                       {{"revision", told_.revision.name}, {"error", error.message}});
  }
  if (fetch_failures_.due(now)) fetcher_.begin(told_.revision);
  return false;
}

// Without a control group nothing stops what grows, so it is replaced in time. A model that simply needs so
// much would be replaced for ever: hence the pause.
void Crew::relieve(TimePoint now) {
  if (!place_.limits.must_watch()) return;
  if (relieved_at_ && now - *relieved_at_ < place_.options.replace_again_after) return;
  for (auto& [ordinal, each] : replicas_) {
    if (!each->ready() || each->retiring() || !each->near_memory_limit()) continue;
    runtime::log::warn("processes", "near its memory limit, another takes its place",
                       {{"replica", each->name()}});
    each->retire();
    relieved_at_ = now;
    return;
  }
}

void Crew::observe(TimePoint now, domain::Observation& out) const {
  out.revisions.push_back(
      {.revision = told_.revision, .replicas = found() ? 0 : wanted(), .fault = fetch_fault_});
  for (const auto& [ordinal, each] : replicas_) {
    domain::ReplicaObserved seen = each->observed(now);
    if (!each->running() && fetch_fault_) {
      seen.state = ReplicaState::kBackingOff;
      seen.failures = std::max(seen.failures, fetch_failures_.count());
      seen.fault = fetch_fault_;
    }
    out.replicas.push_back(std::move(seen));
  }
}

}  // namespace slipway::processes
