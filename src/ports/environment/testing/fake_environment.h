// A place in simulated time that replicas run in, and environments over it: for control's tests and for the
// simulation. Nothing happens by itself: whoever looks sees what has become of it by the clock.
//
// Honest about its limits: files are a wait, memory is a sum of promises, a process is a few points in time.
// What it keeps of the contract is what `environment_contract.h` says; what it adds are faults.
//
//   FakePlace place({}, clock);
//   place.script = [](const RevisionSpec& revision) { return Script{…}; };
//   auto environment = place.open();
//
// One thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/environment/environment.h"
#include "system/runtime/clock.h"

namespace slipway::environment {

// What a replica does from its start on.
struct Script {
  enum class Act : uint8_t {
    kServes,
    kNoFiles,         // its files cannot be brought
    kLoadFails,       // ends with LoadFailed when it would be ready: damaged, or answers of wrong shapes
    kCrashesAtStart,  // ends by a signal when it would be ready
    kNeverReady,      // hangs in its warm-up, and says that it loads
    kCrashesLater,    // ends by a signal `after` it got ready
    kHangsLater,      // says and answers nothing `after` it got ready
  };
  Act act = Act::kServes;
  Duration fetch = std::chrono::milliseconds(50);  // of its files, once
  Duration load = std::chrono::milliseconds(300);  // and warm
  Duration after{0};
};

// A replica that runs.
struct FakeProcess {
  domain::RevisionSpec revision;
  std::string replica;
  int ordinal = 0;
  uint64_t life = 0;  // no two starts have the same
  TimePoint started, ready_at, ends_at, hangs_at;
  domain::Fault last_words;  // of its end at ends_at
  std::optional<TimePoint> draining;
  TimePoint arrived;  // the last request
  int in_flight = 0;
  int64_t arrivals = 0;

  bool hangs(TimePoint now) const { return now >= hangs_at; }
  bool loaded(TimePoint now) const { return now >= ready_at; }
  bool ready(TimePoint now) const { return loaded(now) && !hangs(now) && !draining; }
};

class FakePlace {
 public:
  struct Options {
    Duration drain_quiet = std::chrono::seconds(2);
    Duration drain_deadline = std::chrono::seconds(30);
    Duration hanging_after = std::chrono::seconds(10);
    Duration kill_hanging_after = std::chrono::seconds(60);
    Duration unheard_for = std::chrono::seconds(3);  // after open(), before silence is shown
    int64_t memory_bytes = int64_t{1} << 40;
  };

  // `clock` must outlive it.
  FakePlace(Options options, const runtime::Clock& clock) : options_(options), clock_(clock) {}

  // An environment over this place, which must outlive it. One at a time acts; an older one is dead.
  std::unique_ptr<Environment> open();

  std::function<Script(const domain::RevisionSpec&)> script;  // asked at each start
  // A gateway's word, or nothing when it does not answer; by name. One that is not in it never ran.
  std::map<std::string, std::function<std::optional<domain::GatewayObserved>()>> gateways;
  // A replica ended by itself or was ended by kill(), or fell silent.
  std::function<void(const FakeProcess&)> on_fault;

  // Requests, as a gateway sends them to an address.
  enum class Arrival : uint8_t { kTaken, kRefused, kDraining, kSilent };
  struct Taken {
    Arrival arrival = Arrival::kRefused;
    const FakeProcess* process = nullptr;  // of kTaken and kSilent
  };
  Taken arrive(const std::string& address);
  // The answer is there. False: the replica has ended since.
  bool finish(const std::string& address, uint64_t life);
  bool can_answer(const std::string& address);
  bool listens(const std::string& address);

  // Faults.
  void kill(const std::string& replica);  // at once, as by SIGKILL
  void hang(const std::string& replica);  // from now on, until it is ended
  void restart_machine();                 // nothing runs any more; what was told stays
  bool full = false;                      // the disk: nothing can be told

  // What is there, for whoever checks.
  const std::map<std::string, FakeProcess, std::less<>>& processes();
  struct Told {
    domain::RevisionSpec revision;
    int replicas = 0;
    bool removed = false;
  };
  const std::map<std::string, Told, std::less<>>& told() const { return told_; }
  int starts(const std::string& replica) const;
  bool was_ready(const std::string& replica) const { return was_ready_.contains(replica); }

 private:
  friend class FakeEnvironment;
  void settle(TimePoint now);
  bool has_ended(FakeProcess& process, TimePoint now);
  void start(const domain::RevisionSpec& revision, int ordinal, TimePoint now);
  FakeProcess* find(const std::string& address);
  Script script_of(const domain::RevisionSpec& revision) const {
    return script ? script(revision) : Script{};
  }

  const Options options_;
  const runtime::Clock& clock_;
  std::map<std::string, Told, std::less<>> told_;
  std::map<std::string, FakeProcess, std::less<>> processes_;  // by address
  std::map<std::string, domain::Fault> ended_;                 // by themselves, by replica: of their last end
  std::map<std::string, bool> files_;                          // by digest: brought
  std::map<std::string, int> starts_;
  std::map<std::string, TimePoint> was_ready_;
  uint64_t lives_ = 0, instances_ = 0;
};

std::string address_of(const std::string& replica);

}  // namespace slipway::environment
