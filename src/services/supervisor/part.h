// One of the processes that a supervisor keeps: found by its lock, or started.
#pragma once

#include <optional>
#include <string>

#include "services/supervisor/pulse.h"
#include "services/supervisor/restart.h"
#include "system/os/process.h"

namespace slipway::supervisor {

struct PartOptions {
  std::string name;   // "gateway"
  std::string lock;   // that it holds
  std::string admin;  // the Unix socket that it answers probes at
  os::ProcessOptions process;
};

class Part {
 public:
  explicit Part(PartOptions options) : options_(std::move(options)) {}

  const std::string& name() const { return options_.name; }
  os::ProcessOptions& process() { return options_.process; }
  // The one that runs already, whoever started it; false: none does.
  bool adopt(TimePoint now);
  Status start(TimePoint now);
  // Starts it again when it has ended and its time has come; ends it when it does not answer any more, so
  // that it is started again. When to look again.
  TimePoint step(TimePoint now);
  // Whether it says that it is ready.
  bool is_ready() const;
  bool is_running();
  bool is_ours() const { return running_ && running_->child(); }  // started here, not found
  int descriptor() const { return running_ ? running_->descriptor() : -1; }
  pid_t pid() const { return running_ ? running_->pid() : 0; }
  // Asks it to end, and waits; then ends it. False: it was not there.
  bool stop(Duration patience);
  // Why it ended: the last error in what it has logged since it was started, else the last line.
  std::string last_words() const;

 private:
  // Whether it answers that probe with 200.
  bool says_yes(const std::string& probe) const;
  TimePoint feel_pulse(TimePoint now);

  PartOptions options_;
  std::optional<os::Process> running_;
  TimePoint started_;
  uint64_t logged_before_ = 0;  // bytes
  Restart restart_;
  Pulse pulse_;
  TimePoint next_question_;
};

// The same of any log, from that byte on.
std::string last_words(const std::string& log, uint64_t from);

// A log that has grown long is moved aside. Its size, which is where the next lines begin.
uint64_t make_room(const std::string& log);

}  // namespace slipway::supervisor
