// `slipway gateway`: the one address that callers know.
#include "services/gateway/gateway.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "adapters/remote/remote.h"
#include "apps/slipway/cluster_access.h"
#include "apps/slipway/commands.h"
#include "apps/slipway/listener.h"
#include "apps/slipway/signals.h"
#include "services/cli/platform.h"
#include "system/os/file_lock.h"
#include "system/os/pass_descriptor.h"
#include "system/os/replace_file.h"
#include "system/runtime/cpus.h"
#include "system/runtime/log.h"
#include "values/domain/units.h"

namespace slipway::app {
namespace {

using cli::Arguments;
using namespace std::chrono_literals;

// However long control was away: a change of version waits for what the gateway says.
constexpr Duration kLongestWait = 2s;

// What the thread that steps the gateway waits for: something to do, a signal, or its time.
class Bell {
 public:
  explicit Bell(const sigset_t& signals)
      : bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        signal_(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)) {}

  void ring() const { static_cast<void>(::eventfd_write(bell_.get(), 1)); }
  // False: a signal came.
  bool wait(Duration at_most) const {
    std::array<pollfd, 2> both{{{bell_.get(), POLLIN, 0}, {signal_.get(), POLLIN, 0}}};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(at_most, Duration{0})).count();
    ::poll(both.data(), both.size(), static_cast<int>(ms));
    eventfd_t rung = 0;
    static_cast<void>(::eventfd_read(bell_.get(), &rung));
    signalfd_siginfo info{};
    return ::read(signal_.get(), &info, sizeof info) != sizeof info;
  }

 private:
  os::Descriptor bell_, signal_;
};

// The platform's store, wherever it is now: control that is started anew may listen on another port, and its
// kubeconfig says on which. Watches are all that a gateway needs.
class MovingStore final : public store::Store {
 public:
  MovingStore(const Arguments& arguments, const runtime::Clock& clock)
      : arguments_(arguments), clock_(clock) {}

  // Looks where the platform is; true when that is news.
  bool look() {
    auto access = where();
    if (!access || (remote_ && *access == access_)) return false;
    access_ = std::move(*access);
    remote_ =
        std::make_unique<remote::Remote>(access_, clock_, remote::Options{.longest_wait = kLongestWait});
    return true;
  }
  bool is_known() const { return remote_ != nullptr; }
  // The namespace that the platform's context names; empty while there is none.
  const std::string& space() const { return access_.ns; }
  Result<std::unique_ptr<store::Watch>> watch(store::Kind kind, const store::WatchOptions& options) override {
    if (!remote_) return fail(Code::kUnavailable, "control has not been started here yet");
    return remote_->watch(kind, options);
  }

  Result<store::ObjectPtr> get(const store::ObjectKey&) const override { return nothing(); }
  Result<store::Listing> list(store::Kind, const store::ListOptions&) const override {
    return fail(nothing().error());
  }
  Result<store::ObjectPtr> create(store::Object, const store::Cause&) override { return nothing(); }
  Result<store::ObjectPtr> update(store::Object, const store::Precondition&, const store::Cause&) override {
    return nothing();
  }
  Result<store::ObjectPtr> update_status(const store::ObjectKey&, std::string, const store::Precondition&,
                                         const store::Cause&) override {
    return nothing();
  }
  Result<store::ObjectPtr> remove(const store::ObjectKey&, const store::Precondition&,
                                  const store::Cause&) override {
    return nothing();
  }

 private:
  Result<kube::Access> where() const {
    if (arguments_.has("--cluster")) return cluster_access(arguments_);
    auto platform = cli::find_platform(arguments_, cli::Warnings::kIgnored);
    if (!platform) return fail(platform.error());
    return std::move(platform->access);
  }
  static Result<store::ObjectPtr> nothing() { return fail(Code::kUnsupported, "a gateway watches alone"); }

  const Arguments& arguments_;
  const runtime::Clock& clock_;
  kube::Access access_;
  std::unique_ptr<remote::Remote> remote_;
};

Result<gateway::Options> read_options(const Arguments& arguments) {
  const std::string data = cli::data_folder(arguments.get("--data"));
  gateway::Options options{.listen = {},
                           .admin = {},
                           .sockets = data + "/run",
                           .lists = data + "/gateway",
                           .loops = runtime::granted_cpus(),
                           .software_version = SLIPWAY_VERSION};
  const auto listen = parse_listener(arguments, "--listen");
  if (!listen) return fail(listen.error());
  options.listen = *listen;
  const auto quiet = domain::parse_duration(arguments.get("--drain-quiet"));
  if (!quiet) return fail(base::within("--drain-quiet", quiet.error()));
  options.drain_quiet = *quiet;
  if (arguments.has("--sockets")) options.sockets = arguments.get("--sockets");
  if (arguments.has("--namespace")) options.space = arguments.get("--namespace");
  options.admin.push_back({.kind = http::Address::Kind::kUnix, .path = data + "/run/gateway.admin.sock"});
  if (!arguments.has("--admin")) return options;
  const auto admin = parse_listener(arguments, "--admin");
  if (!admin) return fail(admin.error());
  options.admin.push_back(*admin);
  return options;
}

void step_until_a_signal(gateway::Gateway& gateway, MovingStore& store, const Bell& bell) {
  const runtime::RealClock clock;
  TimePoint next_look = clock.now();
  Duration wait{0};
  while (bell.wait(wait)) {
    const TimePoint now = clock.now();
    if (now >= next_look) {
      if (store.look()) gateway.reopen();
      next_look = now + (store.is_known() ? 1s : 50ms);
    }
    wait = std::min(gateway.step(now), next_look) - clock.now();
  }
}

int run_gateway(const Arguments& arguments) {
  auto options = read_options(arguments);
  if (!options) return cli::complain(options.error().message), cli::kUsage;
  const sigset_t signals = block_stop_signals();
  const std::string data = cli::data_folder(arguments.get("--data"));
  if (Status made = os::make_folders(data + "/run"); !made) return cli::complain(made.error().message);
  const auto lock = os::FileLock::take(data + "/run/gateway.lock");
  if (!lock)
    return cli::complain(base::within("a gateway serves this data folder already", lock.error()).message);
  // The lock is ours: a socket that lies there is one of a gateway that has ended.
  ::unlink(options->admin.front().path.c_str());
  const http::Address listen = options->listen;
  const runtime::RealClock clock;
  const Bell bell(signals);
  MovingStore store(arguments, clock);
  store.look();
  if (!arguments.has("--namespace") && !store.space().empty()) options->space = store.space();
  gateway::Gateway gateway(std::move(*options), store, clock, [&bell] { bell.ring(); });
  if (Status started = gateway.start(); !started) return cli::complain(started.error().message);
  // Whoever keeps us running may have died: the next one asks here for the socket that callers wait at.
  std::unique_ptr<os::DescriptorServer> socket;
  if (listen.kind == http::Address::Kind::kDescriptor) {
    auto giving = os::DescriptorServer::start(data + "/run/gateway.fd", listen.descriptor);
    if (!giving) return cli::complain(giving.error().message);
    socket = std::move(*giving);
  }
  const std::string address = gateway.address().str();
  std::printf("gateway on %s%s\n", address.starts_with("unix:") ? "" : "http://", address.c_str());
  std::fflush(stdout);
  step_until_a_signal(gateway, store, bell);
  gateway.begin_drain();
  while (!gateway.drain_step(clock.now()))
    if (signal_within(signals, 10ms)) ::_exit(130);
  gateway.stop();
  runtime::log::info("gateway", "all answered, ending");
  return cli::kSuccess;
}

}  // namespace

cli::Command gateway_command() {
  return {
      .name = "gateway",
      .summary = "Answer for every deployment under one address",
      .description =
          "Picks revision and replica for each request by what control decides, and goes on with what it "
          "last knew when control\ndoes not answer. `slipway up` starts one.",
      .options = cli::with_platform(
          {{.names = "-l,--listen", .value = "ADDR", .help = "Where to listen", .fallback = "127.0.0.1:8080"},
           {.names = "--admin",
            .value = "ADDR",
            .help =
                "Where probes, metrics and /observed are answered, besides <data>/run/gateway.admin.sock"},
           {.names = "--cluster",
            .value = "",
            .help = "Serve what the cluster of the pod that this runs in has, or that of --kubeconfig or "
                    "--context"},
           {.names = "--drain-quiet",
            .value = "TIME",
            .help = "After SIGTERM: how long no request must have come before it stops to listen",
            .fallback = "0s"},
           {.names = "--sockets",
            .value = "DIR",
            .help = "Where replicas' sockets lie (default: <data>/run)"},
           {.names = "--allow-plaintext",
            .value = "",
            .help = "Listen where other machines can reach it, without TLS"}}),
      .examples = {"slipway gateway", "slipway gateway --listen 127.0.0.1:9000 --admin 127.0.0.1:9001"},
      .run = run_gateway};
}

}  // namespace slipway::app
