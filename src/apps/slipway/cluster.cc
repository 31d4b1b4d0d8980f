#include "apps/slipway/cluster.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <latch>
#include <thread>

#include "adapters/pods/pods.h"
#include "adapters/remote/remote.h"
#include "apps/slipway/cluster_access.h"
#include "apps/slipway/cluster_registry.h"
#include "apps/slipway/commands.h"
#include "apps/slipway/fenced_store.h"
#include "apps/slipway/listener.h"
#include "apps/slipway/signals.h"
#include "apps/slipway/stepper.h"
#include "services/control/spaces.h"
#include "system/admin/admin.h"
#include "system/kube/lease.h"
#include "system/kube/metrics.h"
#include "system/runtime/executor.h"
#include "system/runtime/log.h"

namespace slipway::app {
namespace {

using cli::Arguments;
using namespace std::chrono_literals;

// Each write waits for the API server; several at once keep it busy without taking it from others.
constexpr int kWriters = 8;
constexpr size_t kBatch = 64;
constexpr Duration kStuck = 120s;
// A gateway that has not heard yet may send for so long.
constexpr Duration kQuiet = 10s;

struct Settings {
  kube::Access access;
  std::string lease, gateway_url;
  pods::Options pods;
  std::optional<http::Address> admin;
  std::optional<ClusterRegistryOptions> registry;
};

Status read_registry(const Arguments& arguments, Settings& settings) {
  if (!arguments.has("--registry")) return ok();
  const auto listen = http::parse_address(arguments.get("--registry-listen"));
  if (!listen) return fail(base::within("--registry-listen", listen.error()));
  settings.registry = ClusterRegistryOptions{
      .folder = arguments.get("--registry"), .listen = *listen, .ns = settings.access.ns};
  return ok();
}

Result<Settings> read_settings(const Arguments& arguments) {
  auto access = cluster_access(arguments);
  if (!access) return fail(access.error());
  Settings out{.access = std::move(*access),
               .lease = arguments.get("--lease"),
               .gateway_url = arguments.get("--gateway-url"),
               .pods = {.ns = {},
                        .image = arguments.get("--image"),
                        .registry = {},
                        .registry_secret = {},
                        .pull_secrets = arguments.all("--pull-secret"),
                        .cache_claim = arguments.get("--cache-claim"),
                        .may_write = {},
                        .writers = kWriters},
               .admin = {},
               .registry = {}};
  if (out.pods.image.empty())
    return fail(Code::kInvalid, "--cluster needs --image: what the pods of models run, as NAME@sha256:…");
  if (!arguments.has("--all-namespaces")) out.pods.ns = out.access.ns;
  if (Status read = read_registry(arguments, out); !read) return fail(read.error());
  if (!arguments.has("--admin")) return out;
  const auto admin = parse_listener(arguments, "--admin");
  if (!admin) return fail(admin.error());
  out.admin = *admin;
  return out;
}

// Runs tasks on a few threads at once.
class AtOnce {
 public:
  void run(std::vector<std::function<void()>> tasks) {
    std::latch done(static_cast<std::ptrdiff_t>(tasks.size()));
    for (auto& task : tasks) {
      const auto counted = [&done, task = std::move(task)] {
        task();
        done.count_down();
      };
      if (!executor_.submit(counted)) counted();
    }
    done.wait();
  }

 private:
  runtime::Executor executor_{{.name = "status", .threads = kWriters, .queue = 1024}};
};

// What was found and begun for it is based on leading: nothing of it may go on.
void end_since_lost(const std::string& why) {
  runtime::log::error("control", "leads no longer, ending", {{"why", why}});
  std::_Exit(cli::kFailed);
}

class ClusterControl {
 public:
  explicit ClusterControl(Settings settings)
      : settings_(std::move(settings)),
        lease_(settings_.access, {.ns = settings_.access.ns, .name = settings_.lease, .identity = {}},
               boot_clock_, metrics_),
        remote_(settings_.access, clock_, {.field_manager = "slipway", .metrics = &api_metrics_}),
        store_(remote_, [this] { return lease_.held(); }),
        stepper_(clock_) {
    settings_.pods.may_write = [this] { return lease_.held(); };
    if (settings_.registry) {
      registry_ = std::make_unique<ClusterRegistry>(*settings_.registry, settings_.access, remote_, clock_);
      settings_.pods.registry = registry_->host();
      settings_.pods.registry_secret = settings_.registry->service;
    }
    cluster_ = std::make_unique<pods::Cluster>(settings_.pods, settings_.access, clock_, metrics_,
                                               [this] { stepper_.wake(); });
  }

  Status start() {
    lease_.on_lost(end_since_lost);
    if (settings_.admin) {
      admin_ = std::make_unique<admin::AdminServer>(*settings_.admin, routes(), clock_);
      if (Status listening = admin_->start(); !listening) return listening;
    }
    if (registry_)
      if (Status serving = registry_->start(); !serving) return serving;
    leader_ = std::thread([this] { lead(); });
    return ok();
  }
  // About once a second.
  void step() {
    if (registry_) registry_->step(clock_.now());
  }
  std::string admin_address() const { return admin_ ? admin_->address().str() : ""; }

  // Whoever waits for the lease gets it as soon as nothing of ours works any more.
  void stop() {
    lease_.interrupt();
    leader_.join();
    stepper_.stop();
    if (Status released = lease_.release(); !released)
      runtime::log::warn("control", "the lease could not be given back",
                         {{"error", released.error().message}});
    if (registry_) registry_->stop();
    if (admin_) admin_->stop();
  }

 private:
  void lead() {
    if (const Status held = lease_.acquire(); !held) return;
    const std::string& ns = settings_.pods.ns;
    control::Options options{.space = ns,
                             .rollout = {.quiet = kQuiet, .url = settings_.gateway_url},
                             .batch = kBatch,
                             .run_all = [this](auto tasks) { at_once_.run(std::move(tasks)); }};
    const auto wake = [this] { stepper_.wake(); };
    if (ns.empty()) {
      spaces_ = std::make_unique<control::Spaces>(
          std::move(options), store_,
          [this](const std::string& space) { return cluster_->environment(space); }, clock_, metrics_, wake);
      stepper_.start([this](TimePoint now) { return spaces_->step(now); });
    } else {
      environment_ = cluster_->environment(ns);
      loops_ =
          std::make_unique<control::Loops>(std::move(options), store_, *environment_, clock_, metrics_, wake);
      stepper_.start([this](TimePoint now) { return loops_->step(now); });
    }
    leads_ = true;
  }

  std::vector<http::Route> routes() {
    const auto moves = [this] { return !leads_ || clock_.now() - stepper_.last_step() < kStuck; };
    return admin::routes(
        {.started = [] { return true; }, .ready = [this] { return cluster_->synced(); }, .live = moves},
        metrics_, {});
  }

  Settings settings_;
  const runtime::RealClock clock_;
  const runtime::BootClock boot_clock_;
  telemetry::Registry metrics_;
  kube::ApiMetrics api_metrics_{metrics_};
  kube::Lease lease_;
  remote::Remote remote_;
  FencedStore store_;
  AtOnce at_once_;
  std::atomic<bool> leads_{false};
  Stepper stepper_;
  // What is watched wakes the stepper: it goes first.
  std::unique_ptr<pods::Cluster> cluster_;
  std::unique_ptr<environment::Environment> environment_;
  std::unique_ptr<control::Loops> loops_;
  std::unique_ptr<control::Spaces> spaces_;
  std::unique_ptr<admin::AdminServer> admin_;
  std::unique_ptr<ClusterRegistry> registry_;
  std::thread leader_;
};

}  // namespace

std::vector<cli::Option> cluster_control_options() {
  std::vector<cli::Option> out = cluster_options();
  for (cli::Option option : std::vector<cli::Option>{
           {.names = "--image", .value = "REF", .help = "With --cluster: what the pods of models run"},
           {.names = "--all-namespaces",
            .value = "",
            .help =
                "With --cluster: act in every namespace that has deployments; the Lease is in the pod's own"},
           {.names = "--lease",
            .value = "NAME",
            .help = "With --cluster: the Lease whose holder acts",
            .fallback = "slipway-control"},
           {.names = "--registry",
            .value = "DIR",
            .help = "With --cluster: keep pushed models in this folder, and serve them to pods"},
           {.names = "--registry-listen",
            .value = "ADDR",
            .help = "With --registry: where, with TLS and a token",
            .fallback = "0.0.0.0:5000"},
           {.names = "--pull-secret",
            .value = "NAME",
            .help = "With --cluster: a Secret with which images and models are pulled; may be repeated",
            .times = cli::Times::kAnyNumber},
           {.names = "--cache-claim",
            .value = "NAME",
            .help = "With --cluster: the PersistentVolumeClaim that fetched model files are kept in"}})
    out.push_back(std::move(option));
  return out;
}

int run_cluster_control(const Arguments& arguments) {
  auto settings = read_settings(arguments);
  if (!settings) return cli::complain(settings.error().message), cli::kUsage;
  const sigset_t signals = block_stop_signals();
  const std::string server = settings->access.server;
  const std::string where = settings->pods.ns.empty() ? "all namespaces" : "namespace " + settings->pods.ns;
  ClusterControl control(std::move(*settings));
  if (Status started = control.start(); !started) return cli::complain(started.error().message);
  std::printf("control for %s of %s\n", where.c_str(), server.c_str());
  if (const std::string admin = control.admin_address(); !admin.empty())
    std::printf("admin on http://%s\n", admin.c_str());
  std::fflush(stdout);
  while (!signal_within(signals, 1s)) control.step();
  control.stop();
  runtime::log::info("control", "ending");
  return cli::kSuccess;
}

}  // namespace slipway::app
