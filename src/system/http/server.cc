#include "system/http/server.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <thread>

#include "system/http/internal/connection.h"
#include "system/runtime/log.h"

namespace slipway::http {

using namespace std::chrono_literals;

struct Server::Loop {
  Loop(const ServerOptions& options, const Handler& handler, const runtime::Clock& clock, uint32_t origin)
      : loop(clock), context(loop, options, handler, origin) {}

  runtime::EventLoop loop;
  internal::LoopContext context;
  std::thread thread;
};

// Accepts on a thread of its own, so that a loop busy with a request does not keep new connections waiting
// for a place.
class Server::Acceptor final : public runtime::EventLoop::Handler {
 public:
  Acceptor(Server& server, int fd)
      : server_(server),
        fd_(fd),
        loop_(server.clock_),
        resume_(loop_, [this] { loop_.change(fd_, EPOLLIN, *this); }) {}
  ~Acceptor() override {
    if (thread_.joinable()) {
      loop_.stop();
      thread_.join();
    }
    while (accept_some()) {  // who is in the backlog was promised an answer
    }
    ::close(fd_);
  }

  Status start() {
    if (Status added = loop_.add(fd_, EPOLLIN, *this); !added) return added;
    thread_ = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), (server_.options_.name + "-accept").substr(0, 15).c_str());
      loop_.run();
    });
    return ok();
  }

  void on_ready(uint32_t) override { accept_some(); }

 private:
  // False: nobody waits any more, or there is no room.
  bool accept_some() {
    constexpr int kTogether = 64;
    for (int i = 0; i < kTogether; ++i) {
      const int client = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client >= 0) {
        hand_over(client);
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) rest();
      if (errno != ECONNABORTED && errno != EINTR) return false;
    }
    return true;
  }

  void hand_over(int client) {
    Loop* least = server_.loops_.front().get();
    size_t total = 0, fewest = SIZE_MAX;
    for (const auto& loop : server_.loops_) {
      const size_t open = loop->context.open.load(std::memory_order_relaxed);
      total += open;
      if (open < fewest) {
        fewest = open;
        least = loop.get();
      }
    }
    if (total >= server_.options_.limits.connections) {
      ::close(client);
      return;
    }
    least->context.open.fetch_add(1, std::memory_order_relaxed);
    least->loop.post([least, client] { least->context.adopt(client); });
  }

  // Out of descriptors: waiting callers stay in the backlog meanwhile.
  void rest() {
    runtime::log::warn("http", "no descriptors left for new connections",
                       {{"address", server_.bound_.str()}});
    loop_.change(fd_, 0, *this);
    resume_.arm(loop_.now() + 100ms);
  }

  Server& server_;
  int fd_;
  runtime::EventLoop loop_;
  runtime::EventLoop::Timer resume_;
  std::thread thread_;
};

Server::Server(ServerOptions options, Handler handler, const runtime::Clock& clock)
    : options_(std::move(options)), handler_(std::move(handler)), clock_(clock) {
  std::random_device random;
  for (int i = 0; i < std::max(1, options_.loops); ++i)
    loops_.push_back(std::make_unique<Loop>(options_, handler_, clock_, random()));
}

Server::~Server() { stop(); }

Status Server::start() {
  const auto fd = listen_on(options_.address);
  if (!fd) return fail(fd.error());
  bound_ = bound_address(*fd).value_or(options_.address);
  acceptor_ = std::make_unique<Acceptor>(*this, *fd);
  int number = 0;
  for (const auto& each : loops_)
    each->thread = std::thread([loop = each.get(), name = fmt::format("{}-{}", options_.name, number++)] {
      ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
      loop->loop.run();
      loop->loop.step(Duration{0});  // what the acceptor handed over last
      loop->context.close_all();
    });
  return acceptor_->start();
}

void Server::keep_no_connection() {
  for (const auto& loop : loops_)
    loop->loop.post([context = &loop->context] { context->keeps_connections = false; });
}

void Server::drain() {
  acceptor_.reset();
  for (const auto& loop : loops_) loop->loop.post([context = &loop->context] { context->drain(); });
}

void Server::stop() {
  acceptor_.reset();
  for (const auto& loop : loops_)
    if (loop->thread.joinable()) {
      loop->loop.stop();
      loop->thread.join();
    }
  if (options_.address.kind == Address::Kind::kUnix && bound_.kind == Address::Kind::kUnix)
    ::unlink(bound_.path.c_str());
  bound_ = {};
}

Counters Server::counters() const {
  Counters total;
  for (const auto& loop : loops_) {
    const internal::LoopContext& context = loop->context;
    total.connections += context.accepted.get();
    total.open += context.open.load(std::memory_order_relaxed);
    total.requests += context.requests.get();
    total.refused += context.refused.get();
    total.bytes_in += context.bytes_in.get();
    total.bytes_out += context.bytes_out.get();
  }
  return total;
}

TimePoint Server::slowest_loop() const {
  TimePoint slowest = TimePoint::max();
  for (const auto& loop : loops_) slowest = std::min(slowest, loop->loop.last_round());
  return slowest;
}

}  // namespace slipway::http
