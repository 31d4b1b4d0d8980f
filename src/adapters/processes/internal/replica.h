// One replica: its process, what it says of itself, and how it ended the last times.
//
// Threads: one at a time.
#pragma once

#include <optional>
#include <string>

#include "adapters/processes/internal/failures.h"
#include "adapters/processes/internal/limits.h"
#include "adapters/processes/internal/told.h"
#include "adapters/processes/processes.h"
#include "system/http/prober.h"
#include "system/os/process.h"

namespace slipway::processes {

// What all replicas share.
struct Place {
  const Options& options;
  Files files;
  Limits limits;
  uint64_t memory = 0;
};

// The files of a replica in the run folder go, unless somebody holds its lock.
void clear_away(const Files& files, const std::string& id);

class Replica {
 public:
  Replica(const Place& place, const domain::RevisionSpec& revision, int ordinal);

  const std::string& name() const { return name_; }
  const std::string& id() const { return id_; }
  std::string admin_socket() const { return id_ + ".admin.sock"; }

  bool running() const { return process_.has_value(); }
  bool ready() const { return running() && !hangs_ && !leaving() && says(domain::RevisionState::kReady); }
  bool leaving() const { return told_to_stop_ || says(domain::RevisionState::kDraining); }
  bool retiring() const { return retiring_; }
  bool due(TimePoint now) const { return failures_.due(now); }
  // Found running, and not heard of since.
  bool unheard() const { return running() && !process_->child() && !said_; }

  // Takes over who holds its lock. False: nobody does.
  bool adopt(TimePoint now);
  // Begins anew, unless somebody runs already.
  void start(const domain::RevisionSpec& revision, const std::string& folder, TimePoint now);
  // Sees whether it has ended. Call before anything else of a pass. Why, when it did by itself.
  std::optional<domain::Reason> look(TimePoint now);
  // What came from its admin socket in this pass, or null; ends one that has been silent for too long.
  void hear(const http::ProbeAnswer* answer, TimePoint now);
  // Asks it to end, once; ends it when that took too long. Call until it does not run.
  void stop(TimePoint now);
  // Another shall take its place.
  void retire() { retiring_ = true; }

  bool near_memory_limit() const;
  domain::ReplicaObserved observed(TimePoint now) const;

 private:
  os::ProcessOptions options_for(const domain::RevisionSpec& revision, const std::string& folder,
                                 const Granted& granted) const;
  Status write_name() const;
  Status spawn(const domain::RevisionSpec& revision, const std::string& folder);
  void begin(os::Process process, TimePoint now);
  std::optional<domain::Reason> end(const os::ProcessEnd& end, TimePoint now);
  void note_end(const os::ProcessEnd& end, TimePoint now);
  void fail_start(const Error& error, TimePoint now);
  bool says(domain::RevisionState state) const;
  bool silent_for(Duration time, TimePoint now) const {
    return silent_since_ && now - *silent_since_ >= time;
  }

  const Place& place_;
  const std::string revision_, deployment_, name_, id_;
  int64_t memory_limit_ = 0;
  std::optional<os::Process> process_;
  std::optional<domain::Observed> said_;
  std::optional<TimePoint> silent_since_;  // since the first question that it did not answer
  TimePoint looked_;
  bool hangs_ = false, told_to_stop_ = false, signalled_ = false, retiring_ = false;
  TimePoint signalled_at_;
  uint64_t log_start_ = 0, resident_ = 0;
  Failures failures_;
  std::optional<domain::Fault> fault_;       // of its last end
  std::optional<domain::Fault> killed_for_;  // why we ended it ourselves
};

}  // namespace slipway::processes
