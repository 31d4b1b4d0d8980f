// The place: what runs there and what becomes of it.
#include <algorithm>

#include "ports/environment/testing/fake_environment.h"

namespace slipway::environment {

using domain::Reason;

std::string address_of(const std::string& replica) { return replica + ".sock"; }

void FakePlace::start(const domain::RevisionSpec& revision, int ordinal, TimePoint now) {
  const Script acts = script_of(revision);
  FakeProcess process{.revision = revision,
                      .replica = fmt::format("{}-{}", revision.name, ordinal),
                      .ordinal = ordinal,
                      .life = ++lives_,
                      .started = now,
                      .ready_at = now + acts.load,
                      .ends_at = TimePoint::max(),
                      .hangs_at = TimePoint::max(),
                      .last_words = {Reason::kKilled, "signal 11: Segmentation fault"},
                      .draining = {},
                      .arrived = now};
  switch (acts.act) {
    case Script::Act::kServes:
    case Script::Act::kNoFiles:
      break;
    case Script::Act::kLoadFails:
      process.last_words = {Reason::kLoadFailed, "the model cannot be loaded"};
      process.ends_at = std::exchange(process.ready_at, TimePoint::max());
      break;
    case Script::Act::kCrashesAtStart:
      process.ends_at = std::exchange(process.ready_at, TimePoint::max());
      break;
    case Script::Act::kNeverReady:
      process.ready_at = TimePoint::max();
      break;
    case Script::Act::kCrashesLater:
      process.ends_at = process.ready_at + acts.after;
      break;
    case Script::Act::kHangsLater:
      process.hangs_at = process.ready_at + acts.after;
      break;
  }
  ++starts_[process.replica];
  ended_.erase(process.replica);
  processes_.insert_or_assign(address_of(process.replica), std::move(process));
}

// Drained: quiet for long enough, or beyond its deadline with nothing left.
bool FakePlace::has_ended(FakeProcess& process, TimePoint now) {
  if (process.loaded(std::min(now, process.ends_at))) was_ready_.emplace(process.replica, process.ready_at);
  if (process.ends_at <= now) {
    ended_[process.replica] = process.last_words;
    if (on_fault) on_fault(process);
    return true;
  }
  if (process.hangs(now)) {
    if (on_fault) on_fault(process);
    return false;
  }
  if (!process.draining) return false;
  if (!process.loaded(now)) return true;
  const TimePoint quiet = std::max(process.arrived, *process.draining) + options_.drain_quiet;
  const TimePoint at_the_latest = *process.draining + options_.drain_deadline;
  return process.in_flight == 0 && now >= std::min(quiet, at_the_latest);
}

void FakePlace::settle(TimePoint now) {
  for (auto at = processes_.begin(); at != processes_.end();)
    at = has_ended(at->second, now) ? processes_.erase(at) : std::next(at);
}

FakeProcess* FakePlace::find(const std::string& address) {
  const auto at = processes_.find(address);
  if (at == processes_.end()) return nullptr;
  if (!has_ended(at->second, clock_.now())) return &at->second;
  processes_.erase(at);
  return nullptr;
}

FakePlace::Taken FakePlace::arrive(const std::string& address) {
  const TimePoint now = clock_.now();
  FakeProcess* process = find(address);
  if (process && process->hangs(now)) return {Arrival::kSilent, process};
  if (!process || !process->loaded(now)) return {};
  if (process->draining && now - *process->draining >= options_.drain_deadline)
    return {Arrival::kDraining, nullptr};
  process->arrived = now;
  ++process->in_flight;
  ++process->arrivals;
  return {Arrival::kTaken, process};
}

bool FakePlace::finish(const std::string& address, uint64_t life) {
  FakeProcess* process = find(address);
  if (!process || process->life != life) return false;
  --process->in_flight;
  process->arrived = clock_.now();
  return !process->hangs(clock_.now());
}

bool FakePlace::can_answer(const std::string& address) {
  const FakeProcess* process = find(address);
  const TimePoint now = clock_.now();
  return process && process->loaded(now) && !process->hangs(now) &&
         !(process->draining && now - *process->draining >= options_.drain_deadline);
}

bool FakePlace::listens(const std::string& address) {
  const FakeProcess* process = find(address);
  return process && process->loaded(clock_.now());
}

void FakePlace::kill(const std::string& replica) {
  FakeProcess* process = find(address_of(replica));
  if (!process) return;
  process->ends_at = clock_.now();
  process->last_words = {Reason::kKilled, "signal 9: Killed"};
  find(address_of(replica));
}

void FakePlace::hang(const std::string& replica) {
  FakeProcess* process = find(address_of(replica));
  if (!process) return;
  process->hangs_at = std::min(process->hangs_at, clock_.now());
  if (!process->loaded(clock_.now())) process->ready_at = TimePoint::max();
}

void FakePlace::restart_machine() {
  for (auto& [address, process] : processes_)
    if (on_fault) on_fault(process);
  processes_.clear();
  ended_.clear();
}

const std::map<std::string, FakeProcess, std::less<>>& FakePlace::processes() {
  settle(clock_.now());
  return processes_;
}

int FakePlace::starts(const std::string& replica) const {
  const auto at = starts_.find(replica);
  return at == starts_.end() ? 0 : at->second;
}

}  // namespace slipway::environment
