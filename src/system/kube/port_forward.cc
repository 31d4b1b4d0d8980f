#include "system/kube/port_forward.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "system/kube/credentials.h"
#include "system/kube/internal/pod_tunnel.h"

namespace slipway::kube {
namespace {

Result<http::ClientOptions> options_of(const Access& access, int timeout_ms) {
  const auto credentials = read_credentials(access);
  if (!credentials) return fail(credentials.error());
  return credentials->apply_to({.timeout_ms = timeout_ms}, access);
}

void wake(const os::Descriptor& event) {
  const uint64_t one = 1;
  static_cast<void>(::write(event.get(), &one, sizeof one) == sizeof one);
}

}  // namespace

std::string PodPort::str() const { return fmt::format("port {} of pod '{}' in '{}'", port, pod, ns); }

// One connection, on a thread of its own.
struct PortForward::Carried {
  os::Descriptor local;
  std::unique_ptr<internal::PodTunnel> tunnel;  // under the forward's mutex: interrupted from outside
  bool done = false;                            // under it too: the thread can be joined
  std::thread thread;
};

PortForward::PortForward(Access access, std::function<Reply<PodPort>()> target, Options options)
    : access_(std::move(access)), target_(std::move(target)), options_(std::move(options)) {}

Result<std::unique_ptr<PortForward>> PortForward::start(Access access, std::function<Reply<PodPort>()> target,
                                                        Options options) {
  std::unique_ptr<PortForward> out(new PortForward(std::move(access), std::move(target), std::move(options)));
  if (Status listening = out->listen(); !listening) return fail(listening.error());
  out->thread_ = std::thread([forward = out.get()] { forward->accept(); });
  return out;
}

Status PortForward::listen() {
  const auto fd = http::listen_on(options_.listen);
  if (!fd) return fail(fd.error());
  listener_ = os::Descriptor(*fd);
  wake_ = os::Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.valid()) return fail(Code::kUnavailable, "eventfd: {}", os::errno_text(errno));
  auto address = http::bound_address(listener_.get());
  if (!address) return fail(address.error());
  address_ = std::move(*address);
  return ok();
}

PortForward::~PortForward() {
  {
    const runtime::MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& each : carried_) {
      if (each->tunnel) each->tunnel->interrupt();
      ::shutdown(each->local.get(), SHUT_RDWR);
    }
  }
  wake(wake_);
  if (thread_.joinable()) thread_.join();
  // Nobody adds to the list any more; who still runs is waited for without the lock.
  std::list<std::unique_ptr<Carried>> left;
  {
    const runtime::MutexLock lock(mutex_);
    left.swap(carried_);
  }
  for (const auto& each : left) each->thread.join();
}

void PortForward::sweep() {
  std::list<std::unique_ptr<Carried>> done;
  {
    const runtime::MutexLock lock(mutex_);
    for (auto at = carried_.begin(); at != carried_.end();) {
      const auto next = std::next(at);
      if ((*at)->done) done.splice(done.end(), carried_, at);
      at = next;
    }
  }
  for (const auto& each : done) each->thread.join();
}

bool PortForward::has_room() {
  const runtime::MutexLock lock(mutex_);
  return carried_.size() < options_.connections;
}

void PortForward::accept() {
  while (true) {
    sweep();
    pollfd waiting[2] = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                         {.fd = has_room() ? listener_.get() : -1, .events = POLLIN, .revents = 0}};
    if (::poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    uint64_t count = 0;
    static_cast<void>(::read(wake_.get(), &count, sizeof count) == sizeof count);
    os::Descriptor local;
    if (waiting[1].revents != 0)
      local = os::Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const runtime::MutexLock lock(mutex_);
    if (stopping_) return;
    if (!local.valid()) continue;
    Carried& carried = *carried_.emplace_back(std::make_unique<Carried>());
    carried.local = std::move(local);
    carried.thread = std::thread([this, &carried] { carry(carried); });
  }
}

Reply<void> PortForward::connect(Carried& carried) {
  auto target = [this]() -> Reply<PodPort> {
    const runtime::MutexLock lock(asking_);
    return target_();
  }();
  if (!target) return refuse(target.error());
  auto options = options_of(access_, options_.timeout_ms);
  if (!options) return refuse(options.error());
  auto made = std::make_unique<internal::PodTunnel>(access_, std::move(*options), std::move(*target));
  internal::PodTunnel& tunnel = *made;
  {
    const runtime::MutexLock lock(mutex_);
    if (stopping_) return refuse(Error{Code::kUnavailable, "the forwarding is ending"});
    carried.tunnel = std::move(made);
  }
  if (auto opened = tunnel.open(); !opened) return opened;
  if (Status done = tunnel.carry(carried.local.get(), options_.linger_ms); !done) return refuse(done.error());
  return {};
}

void PortForward::carry(Carried& carried) {
  const auto end = connect(carried);
  bool stopping = false;
  {
    const runtime::MutexLock lock(mutex_);
    stopping = stopping_;
  }
  if (!end && !stopping && options_.on_error) {
    const runtime::MutexLock lock(asking_);
    options_.on_error(end.error());
  }
  {
    const runtime::MutexLock lock(mutex_);
    carried.tunnel.reset();
    carried.local.close();
    carried.done = true;
  }
  wake(wake_);
}

}  // namespace slipway::kube
