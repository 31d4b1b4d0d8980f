// One of the processes that a supervisor keeps: found by its lock, or started.
#pragma once

#include <optional>
#include <string>

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
  // Starts it again when it has ended and its time has come. When to look again; max(): nothing is due.
  TimePoint step(TimePoint now);
  // Whether it says that it is ready.
  bool is_ready() const;
  bool is_running();
  int descriptor() const { return running_ ? running_->descriptor() : -1; }
  pid_t pid() const { return running_ ? running_->pid() : 0; }
  // Asks it to end, and waits; then ends it. False: it was not there.
  bool stop(Duration patience);
  // What it said last, for the error of whoever waits for it.
  std::string last_words() const;

 private:
  PartOptions options_;
  std::optional<os::Process> running_;
  TimePoint started_{};
  Restart restart_;
};

}  // namespace slipway::supervisor
