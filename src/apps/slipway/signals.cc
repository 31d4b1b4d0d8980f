#include "apps/slipway/signals.h"

namespace slipway::app {

using namespace std::chrono_literals;

sigset_t block_stop_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

bool signal_within(const sigset_t& signals, Duration timeout) {
  const timespec wait{.tv_sec = timeout / 1s, .tv_nsec = (timeout % 1s).count()};
  return ::sigtimedwait(&signals, nullptr, &wait) > 0;
}

}  // namespace slipway::app
