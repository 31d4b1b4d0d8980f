// A program that goes on when we end: in a session of its own, its output appended to a log file that it
// holds itself. Also one that somebody else started, found by a lock that it holds.
//
// A process is known by its pidfd alone, never by a number that may have been given away again: its death is
// seen by polling, signals go through it. Dropping a Process leaves the program running.
//
// Threads: start() and adopt_holder() from any; a Process from one at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "system/os/descriptor.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::os {

// A descriptor of ours that the program gets under the number `as`.
struct Inherited {
  int descriptor = -1;
  int as = 3;
};

struct ProcessOptions {
  std::vector<std::string> argv;                                 // argv[0] is the program's path
  std::string log;                                               // appended to, made 0600; empty: /dev/null
  std::string folder;                                            // that it starts in; empty: ours
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::vector<Inherited> inherited;                              // no other descriptor of ours reaches it
  std::vector<std::string> enter;  // files of control groups that it writes itself into (cgroup.procs, tasks)
  uint64_t data_bytes = 0;         // RLIMIT_DATA; 0: ours
  int nice = 0;                    // added to ours
};

// How it ended. kUnknown: it was not our child, so whoever reaps it learns it.
struct ProcessEnd {
  enum class Kind : uint8_t { kExited, kSignal, kUnknown };
  Kind kind = Kind::kUnknown;
  int number = 0;  // the exit code, or the signal

  bool operator==(const ProcessEnd&) const = default;
};

class Process {
 public:
  // Returns when the program runs. kNotFound, kDenied: there is no such program, or its log cannot be
  // written; kExhausted: no more processes, or no room. Only async-signal-safe things happen in between, so
  // there may be other threads.
  static Result<Process> start(const ProcessOptions& options);

  // Who holds the lock of that file (file_lock.h); nothing when nobody does.
  static std::optional<Process> adopt_holder(const std::string& lock);

  // The pidfd: readable once the process has ended.
  int descriptor() const { return pidfd_.get(); }
  pid_t pid() const { return pid_; }  // for people, and /proc; never for signals
  bool child() const { return child_; }

  // Nothing while it runs. Reaps it when it is our child; the same answer ever after.
  std::optional<ProcessEnd> end();
  // The same, waiting for at most so long.
  std::optional<ProcessEnd> end_within(Duration timeout);
  // kNotFound: it has ended.
  Status signal(int number) const;

 private:
  // Our child, or somebody else's.
  enum class Origin : uint8_t { kOurs, kAdopted };
  Process(pid_t pid, Descriptor pidfd, Origin origin)
      : pid_(pid), child_(origin == Origin::kOurs), pidfd_(std::move(pidfd)) {}

  pid_t pid_ = 0;
  bool child_ = false;
  Descriptor pidfd_;
  std::optional<ProcessEnd> end_;
};

}  // namespace slipway::os
