// The environment: what whoever runs the place remembers, and what he does at each look.
#include "ports/environment/testing/fake_environment.h"

#include <algorithm>

namespace slipway::environment {
namespace {

using domain::ActionKind;
using domain::Fault;
using domain::Reason;
using domain::ReplicaObserved;
using domain::ReplicaState;
using namespace std::chrono_literals;

constexpr Duration kLongestPause = 60s, kReadyForAWhile = 60s, kNobodyLooked = 5s;

Duration pause_after(int failures) {
  return std::min<Duration>(1s * (1 << std::clamp(failures - 1, 0, 6)), kLongestPause);
}

// A place of one replica, as long as this environment lives.
struct Seat {
  uint64_t life = 0;  // of the process that was seen last; 0: none runs
  bool child = false, heard = false, stopping = false, killed_for_silence = false;
  TimePoint stopped_at, looked;
  std::optional<TimePoint> silent_since, ready_since;
  int failures = 0;
  TimePoint due = TimePoint::min();
  std::optional<Fault> fault;
};

struct Crew {
  std::map<int, Seat> seats;  // by ordinal
  std::optional<TimePoint> files_due;
  int fetch_failures = 0;
  TimePoint fetch_again = TimePoint::min();
  std::optional<Fault> fetch_fault;
};

}  // namespace

class FakeEnvironment final : public Environment {
 public:
  explicit FakeEnvironment(FakePlace& place)
      : place_(place), number_(++place.instances_), opened_(place.clock_.now()) {}

  Result<Observation> observe() override {
    if (number_ != place_.instances_) return fail(Code::kUnavailable, "another has this place by now");
    const TimePoint now = place_.clock_.now();
    place_.settle(now);
    int unheard = 0;
    for (const auto& [name, told] : place_.told_) look(name, now, unheard);
    for (const auto& [name, told] : place_.told_) step(told, crews_[name], now);
    forget_gone();
    if (unheard > 0 && now - opened_ < place_.options_.unheard_for)
      return fail(Code::kUnavailable, "{} replicas that were found running have not answered yet", unheard);
    return seen(now);
  }

  Applied apply(const Action& action) override {
    if (number_ != place_.instances_)
      return refuse({Reason::kEnvironmentUnavailable, "another has this place by now"});
    const auto known = place_.told_.find(action.revision.name);
    if (action.kind == ActionKind::kRemove && known == place_.told_.end()) return {};
    if (place_.full) return refuse({Reason::kDiskFull, "what was told cannot be kept: the disk is full"});
    if (action.kind == ActionKind::kRemove) {
      known->second.replicas = 0;
      known->second.removed = true;
    } else {
      if (Status room = check_memory(action); !room)
        return refuse({Reason::kInsufficientMemory, room.error().message});
      place_.told_[action.revision.name] = {.revision = action.revision, .replicas = action.replicas};
    }
    const TimePoint now = place_.clock_.now();
    place_.settle(now);
    int unheard = 0;
    look(action.revision.name, now, unheard);
    step(place_.told_.at(action.revision.name), crews_[action.revision.name], now);
    return {};
  }

  bool publishes_endpoints() const override { return false; }
  std::string limits_text() const override { return "none: simulated"; }

 private:
  FakeProcess* process(const std::string& revision, int ordinal) {
    const auto at = place_.processes_.find(address_of(fmt::format("{}-{}", revision, ordinal)));
    return at == place_.processes_.end() ? nullptr : &at->second;
  }

  // Takes in who runs, and how who ran has ended.
  void look(const std::string& name, TimePoint now, int& unheard) {
    Crew& crew = crews_[name];
    const std::string begin = name + "-";
    for (auto at = place_.processes_.lower_bound(begin);
         at != place_.processes_.end() && at->first.starts_with(begin); ++at)
      if (at->second.revision.name == name) crew.seats[at->second.ordinal];
    for (auto& [ordinal, seat] : crew.seats) {
      FakeProcess* running = process(name, ordinal);
      if (seat.life != 0 && (!running || running->life != seat.life)) ended(name, ordinal, seat, now);
      if (running) hear(*running, seat, now, unheard);
    }
  }

  void ended(const std::string& revision, int ordinal, Seat& seat, TimePoint now) {
    const auto words = place_.ended_.find(fmt::format("{}-{}", revision, ordinal));
    const bool meant = seat.stopping && !seat.killed_for_silence;
    seat.life = 0;
    if (seat.ready_since && now - *seat.ready_since >= kReadyForAWhile) seat.failures = 0;
    seat.ready_since.reset();
    seat.silent_since.reset();
    if (meant) return;
    seat.due = now + pause_after(++seat.failures);
    if (seat.killed_for_silence)
      seat.fault = Fault{Reason::kHanging, "it said nothing for 60 s and was ended"};
    else if (!seat.child || words == place_.ended_.end())
      seat.fault = Fault{Reason::kExited, "it ended; how is not known"};
    else
      seat.fault = words->second;
  }

  void hear(FakeProcess& running, Seat& seat, TimePoint now, int& unheard) {
    if (seat.life != running.life)
      seat = {.life = running.life,
              .looked = now,
              .failures = seat.failures,
              .due = seat.due,
              .fault = seat.fault};
    if (running.draining) seat.stopping = true;
    if (seat.silent_since && now - seat.looked > kNobodyLooked) seat.silent_since = now;
    seat.looked = now;
    if (!running.hangs(now)) {
      seat.heard = true;
      seat.silent_since.reset();
    } else if (!seat.silent_since) {
      seat.silent_since = now;
    }
    unheard += !seat.heard && !seat.child;
    if (!running.ready(now)) {
      seat.ready_since.reset();
    } else if (!seat.ready_since) {
      seat.ready_since = now;
    } else if (seat.failures > 0 && now - *seat.ready_since >= kReadyForAWhile) {
      seat.failures = 0;
      seat.fault.reset();
    }
    if (silent_for(seat, place_.options_.kill_hanging_after, now)) end(running, seat, now);
  }

  static bool silent_for(const Seat& seat, Duration time, TimePoint now) {
    return seat.silent_since && now - *seat.silent_since >= time;
  }
  bool hangs(const Seat& seat, TimePoint now) const {
    return silent_for(seat, place_.options_.hanging_after, now);
  }

  void end(FakeProcess& running, Seat& seat, TimePoint now) {
    seat.killed_for_silence = !seat.stopping;
    running.ends_at = now;
    running.last_words = {Reason::kKilled, "signal 9: Killed"};
  }

  void stop(FakeProcess& running, Seat& seat, TimePoint now) {
    if (!seat.stopping) {
      seat.stopping = true;
      seat.stopped_at = now;
    }
    if (!running.draining && !running.hangs(now)) running.draining = now;
    if (running.hangs(now) && now - seat.stopped_at >= place_.options_.hanging_after) end(running, seat, now);
  }

  // The lowest ordinals stay; whoever answers goes on until enough others do.
  void step(const FakePlace::Told& told, Crew& crew, TimePoint now) {
    int kept = 0, ready = 0;
    std::vector<int> extra, waiting;
    for (auto at = crew.seats.begin(); at != crew.seats.end();) {
      auto& [ordinal, seat] = *at;
      FakeProcess* running = seat.life != 0 ? process(told.revision.name, ordinal) : nullptr;
      ready += running && running->ready(now) && seat.heard && !seat.stopping;
      if (!seat.stopping && kept < told.replicas) {
        ++kept;
        if (!running && now >= seat.due) waiting.push_back(ordinal);
      } else if (!running) {
        at = crew.seats.erase(at);
        continue;
      } else {
        extra.insert(extra.begin(), ordinal);
      }
      ++at;
    }
    for (int ordinal = 0; kept < told.replicas; ++ordinal)
      if (!crew.seats.contains(ordinal)) {
        crew.seats[ordinal];
        waiting.push_back(ordinal);
        ++kept;
      }
    for (const int ordinal : extra) {
      FakeProcess& running = *process(told.revision.name, ordinal);
      Seat& seat = crew.seats[ordinal];
      const bool answers = running.ready(now) && !seat.stopping;
      if (answers && told.replicas > 0 && ready <= told.replicas) continue;
      ready -= answers;
      stop(running, seat, now);
    }
    if (!waiting.empty() && has_files(told.revision, crew, now))
      for (const int ordinal : waiting) start(told.revision, ordinal, crew.seats[ordinal], now);
  }

  void start(const domain::RevisionSpec& revision, int ordinal, Seat& seat, TimePoint now) {
    place_.start(revision, ordinal, now);
    seat = {.life = process(revision.name, ordinal)->life,
            .child = true,
            .heard = true,
            .looked = now,
            .failures = seat.failures,
            .due = seat.due,
            .fault = seat.fault};
  }

  bool has_files(const domain::RevisionSpec& revision, Crew& crew, TimePoint now) {
    if (place_.files_.contains(revision.digest)) return true;
    const Script script = place_.script_of(revision);
    if (!crew.files_due && now >= crew.fetch_again) crew.files_due = now + script.fetch;
    if (!crew.files_due || now < *crew.files_due) return false;
    crew.files_due.reset();
    if (script.act != Script::Act::kNoFiles) {
      crew.fetch_failures = 0;
      crew.fetch_fault.reset();
      return place_.files_[revision.digest] = true;
    }
    crew.fetch_again = now + pause_after(++crew.fetch_failures);
    crew.fetch_fault = Fault{Reason::kFetchFailed, "no registry has it"};
    return false;
  }

  void forget_gone() {
    std::erase_if(place_.told_, [&](const auto& each) {
      const bool gone = each.second.removed && crews_[each.first].seats.empty();
      if (gone) crews_.erase(each.first);
      return gone;
    });
  }

  Status check_memory(const Action& action) const {
    const auto known = place_.told_.find(action.revision.name);
    if (known != place_.told_.end() && action.replicas <= known->second.replicas) return ok();
    const auto wants = [](const domain::RevisionSpec& revision, int replicas) {
      return static_cast<double>(revision.settings.memory_bytes) * replicas;
    };
    double promised = wants(action.revision, action.replicas);
    for (const auto& [name, told] : place_.told_)
      if (name != action.revision.name) promised += wants(told.revision, told.replicas);
    if (promised <= static_cast<double>(place_.options_.memory_bytes)) return ok();
    return fail(Code::kExhausted, "{} replicas of {} want more memory than there is", action.replicas,
                action.revision.name);
  }

  Observation seen(TimePoint now) {
    Observation out;
    for (const auto& [name, told] : place_.told_) {
      const Crew& crew = crews_[name];
      out.revisions.push_back(
          {.revision = told.revision, .replicas = told.replicas, .fault = crew.fetch_fault});
      for (const auto& [ordinal, seat] : crew.seats)
        out.replicas.push_back(replica(told, ordinal, seat, now));
    }
    for (const auto& [name, said] : place_.gateways) {
      auto word = said();
      out.gateways.push_back({.name = name, .answers = word.has_value(), .said = {}});
      if (word) out.gateways.back().said = std::move(*word);
    }
    return out;
  }

  ReplicaObserved replica(const FakePlace::Told& told, int ordinal, const Seat& seat, TimePoint now) {
    const std::string name = fmt::format("{}-{}", told.revision.name, ordinal);
    ReplicaObserved out{.name = name,
                        .address = address_of(name),
                        .revision = told.revision.name,
                        .deployment = told.revision.deployment,
                        .failures = seat.failures,
                        .fault = seat.fault,
                        .load = {}};
    const FakeProcess* running = seat.life != 0 ? process(told.revision.name, ordinal) : nullptr;
    const Crew& crew = crews_[told.revision.name];
    if (!running && crew.fetch_fault) {
      out.state = ReplicaState::kBackingOff;
      out.failures = std::max(out.failures, crew.fetch_failures);
      out.fault = crew.fetch_fault;
    } else if (!running) {
      out.state = seat.failures > 0 ? ReplicaState::kBackingOff : ReplicaState::kPreparing;
    } else if (seat.stopping) {
      out.state = ReplicaState::kDraining;
    } else if (hangs(seat, now)) {
      out.state = ReplicaState::kHanging;
      out.fault = Fault{Reason::kHanging, "it runs and says nothing"};
      return out;
    } else if (seat.heard && running->loaded(now)) {
      // What it said last counts until it has been silent for long enough.
      out.state = ReplicaState::kReady;
    }
    if (running && seat.heard) out.load = load_of(*running, now);
    return out;
  }

  static domain::Observed load_of(const FakeProcess& process, TimePoint now) {
    const auto state = process.draining      ? domain::RevisionState::kDraining
                       : process.loaded(now) ? domain::RevisionState::kReady
                                             : domain::RevisionState::kLoading;
    const double idle = std::chrono::duration<double>(now - process.arrived).count();
    return {.in_flight = process.in_flight,
            .arrivals = process.arrivals,
            .idle_seconds = process.in_flight > 0 ? 0 : idle,
            .revisions = {{.revision = process.revision.name,
                           .model = process.revision.deployment,
                           .version = process.revision.version,
                           .digest = process.revision.digest,
                           .state = state}}};
  }

  FakePlace& place_;
  const uint64_t number_;
  const TimePoint opened_;
  std::map<std::string, Crew, std::less<>> crews_;  // by revision
};

std::unique_ptr<Environment> FakePlace::open() { return std::make_unique<FakeEnvironment>(*this); }

}  // namespace slipway::environment
