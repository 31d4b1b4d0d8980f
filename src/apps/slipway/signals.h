// The signals that ask a process to end, waited for instead of handled.
#pragma once

#include <csignal>
#include <thread>

#include "system/os/descriptor.h"
#include "values/base/time.h"

namespace slipway::app {

// SIGTERM and SIGINT, blocked: call before any thread starts, so that only signal_within() takes them.
sigset_t block_stop_signals();

// Waits for a signal, or until `timeout` has passed: false.
bool signal_within(const sigset_t& signals, Duration timeout);

// While there is one, such a signal ends the process at once, with success: for work that cannot be cut short
// and that nobody waits for any more.
class EndAtSignal {
 public:
  explicit EndAtSignal(const sigset_t& signals);
  ~EndAtSignal();
  EndAtSignal(const EndAtSignal&) = delete;
  EndAtSignal& operator=(const EndAtSignal&) = delete;

 private:
  os::Descriptor signals_, done_;
  std::thread watcher_;
};

}  // namespace slipway::app
