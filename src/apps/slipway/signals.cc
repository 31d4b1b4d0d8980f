#include "apps/slipway/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

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

EndAtSignal::EndAtSignal(const sigset_t& signals)
    : signals_(::signalfd(-1, &signals, SFD_CLOEXEC)), done_(::eventfd(0, EFD_CLOEXEC)), watcher_([this] {
        std::array<pollfd, 2> either{{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                      {.fd = done_.get(), .events = POLLIN, .revents = 0}}};
        while (::poll(either.data(), either.size(), -1) < 0 && errno == EINTR) {
        }
        if ((either[0].revents & POLLIN) != 0) ::_exit(0);
      }) {}

EndAtSignal::~EndAtSignal() {
  ::eventfd_write(done_.get(), 1);
  watcher_.join();
}

}  // namespace slipway::app
