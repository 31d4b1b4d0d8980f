// The signals that ask a process to end, waited for instead of handled.
#pragma once

#include <csignal>

#include "values/base/time.h"

namespace slipway::app {

// SIGTERM and SIGINT, blocked: call before any thread starts, so that only signal_within() takes them.
sigset_t block_stop_signals();

// Waits for a signal, or until `timeout` has passed: false.
bool signal_within(const sigset_t& signals, Duration timeout);

}  // namespace slipway::app
