#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>
#include <utility>

#include "adapters/local/local.h"
#include "adapters/processes/processes.h"
#include "apps/slipway/cluster.h"
#include "apps/slipway/commands.h"
#include "apps/slipway/data_folder.h"
#include "apps/slipway/listener.h"
#include "apps/slipway/loops_thread.h"
#include "apps/slipway/model_files.h"
#include "apps/slipway/replica_metrics.h"
#include "apps/slipway/signals.h"
#include "services/api/api.h"
#include "services/cli/models.h"
#include "services/cli/platform.h"
#include "services/registry/garbage.h"
#include "services/registry/registry.h"
#include "system/admin/admin.h"
#include "system/http/server.h"
#include "system/os/files.h"
#include "system/os/replace_file.h"
#include "system/runtime/cpus.h"
#include "system/runtime/log.h"

namespace slipway::app {
namespace {

using cli::Arguments;
using namespace std::chrono_literals;

// Writes block until they are on the disk, and those that wait together share one fsync: hence more threads
// than processors.
constexpr int kWriters = 8;
constexpr Duration kStuck = 60s;  // loops without a step: they look at what runs once a second

struct Settings {
  std::string data;
  http::Address listen;
  std::vector<http::Address> admin;
  bool loops = true;
  std::string gateway_url;  // what status.url begins with; empty: nothing is known of a gateway
};

Result<Settings> read_settings(const Arguments& arguments) {
  Settings out{.data = cli::data_folder(arguments.get("--data"))};
  const auto listen = http::parse_address(arguments.get("--listen"));
  if (!listen) return fail(base::within("--listen", listen.error()));
  if (listen->kind != http::Address::Kind::kTcp)
    return fail(Code::kInvalid, "--listen {}: kubectl reaches HOST:PORT alone", listen->str());
  out.listen = *listen;
  out.gateway_url = arguments.get("--gateway-url");
  out.loops = !arguments.has("--without-loops");
  if (arguments.has("--admin")) {
    const auto admin = parse_listener(arguments, "--admin");
    if (!admin) return fail(admin.error());
    out.admin.push_back(*admin);
  }
  // Whoever keeps control running asks it there, wherever else it answers. The last one: who is ready there
  // is ready everywhere.
  out.admin.push_back({.kind = http::Address::Kind::kUnix, .path = out.data + "/run/control.admin.sock"});
  return out;
}

// What the certificate is for: where clients may find us.
std::vector<std::string> names_of(const http::Address& address) {
  std::vector<std::string> names{"127.0.0.1", "::1", "localhost"};
  const bool any = address.host == "0.0.0.0" || address.host == "::";
  if (!any && std::find(names.begin(), names.end(), address.host) == names.end())
    names.push_back(address.host);
  std::array<char, 256> host{};
  if (any && ::gethostname(host.data(), host.size() - 1) == 0) names.emplace_back(host.data());
  return names;
}

// The parts in the order in which they need each other; the first that fails says why.
class Control {
 public:
  explicit Control(Settings settings) : settings_(std::move(settings)) {}
  // Also when start() failed half-way: requests may be running by then.
  ~Control() { stop(); }
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  Status start() {
    auto folder = DataFolder::open(settings_.data);
    if (!folder) return fail(folder.error());
    folder_.emplace(std::move(*folder));
    auto store = local::Local::open({.path = folder_->database(), .make_uid = {}}, clock_);
    if (!store) return fail(store.error());
    store_ = std::move(*store);
    if (Status opened = open_models(); !opened) return opened;
    const auto token = folder_->token();
    if (!token) return fail(token.error());
    tokens_.emplace(base::sha256(*token));
    if (Status opened = open_environment(); !opened) return opened;
    if (Status listening = listen(); !listening) return listening;
    const std::string server = fmt::format("https://{}", reachable(server_->address()));
    if (Status written = folder_->write_kubeconfig(server, *token); !written) return written;
    if (settings_.loops)
      loops_->start();
    else
      api_->set_observed();
    return start_admin();
  }

  std::string address() const { return server_->address().str(); }
  const DataFolder& folder() const { return *folder_; }

  // About once a second. Says why it cannot go on; empty: all is well.
  std::string step() {
    api_->step(clock_.now());
    collect_later();
    return store_->broken();
  }

  // Who works for a request is done before what it works with goes.
  void stop() {
    if (!server_ || std::exchange(stopped_, true)) return;
    if (loops_) loops_->stop();
    api_->stop();
    server_->drain();
    std::this_thread::sleep_for(50ms);  // what was being sent may still go out
    executor_.stop();
    server_->stop();
    scrapers_.stop();
    for (const auto& each : admin_) each->stop();
  }

 private:
  // A collection may take as long as the disk does: bookmarks and signals do not wait for it.
  void collect_later() {
    if (collecting_.exchange(true)) return;
    const bool taken = executor_.submit([this] {
      if (Status collected = garbage_->step(clock_.now()); !collected)
        runtime::log::warn("registry", "what nobody needs could not be removed",
                           {{"error", collected.error().message}});
      collecting_ = false;
    });
    if (!taken) collecting_ = false;
  }

  Status open_models() {
    if (Status made = os::make_folders(folder_->models()); !made) return made;
    auto layout = oci::Layout::open(folder_->models(), {}, clock_);
    if (!layout) return fail(layout.error());
    models_ = std::move(*layout);
    garbage_ = std::make_unique<registry::Garbage>(registry::GarbageOptions{}, *models_, *store_);
    registry_ = std::make_unique<registry::Registry>(registry::RegistryOptions{}, *models_, executor_);
    return ok();
  }

  // The registry's paths are under /v2/, everything else is the API's. Both ask the same question first.
  void handle(http::Exchange& exchange) const {
    if (!registry::Registry::is_ours(exchange.head().path)) return api_->handle(exchange);
    const api::Verdict verdict =
        tokens_->check(exchange.head(), registry::Registry::permission(exchange.head().method));
    if (verdict.refusal.status != 0)
      return registry::Registry::refuse(exchange, verdict.refusal.status, verdict.refusal.message);
    registry_->handle(exchange);
  }

  Status listen() {
    const auto identity = folder_->server_identity(names_of(settings_.listen), clock_.wall());
    if (!identity) return fail(identity.error());
    auto tls = http::TlsServer::make(*identity);
    if (!tls) return fail(tls.error());
    api_ = std::make_unique<api::Api>(
        api::Options{
            .version = SLIPWAY_VERSION,
            .limits = environment_->limits_text(),
            .logs = {.replicas = [this] { return loops_->replicas(); }, .folder = folder_->path() + "/logs"},
            .observed = false},
        *store_, executor_, clock_, [this](const base::RequestHead& head, std::string_view permission) {
          return tokens_->check(head, permission);
        });
    server_ = std::make_unique<http::Server>(
        http::ServerOptions{.address = settings_.listen, .loops = 2, .name = "api", .tls = *tls},
        [this](http::Exchange& exchange) { handle(exchange); }, clock_);
    return server_->start();
  }

  static std::string reachable(http::Address address) {
    if (address.host == "0.0.0.0") address.host = "127.0.0.1";
    if (address.host == "::") address.host = "::1";
    return address.str();
  }

  void offer_metrics() {
    using Kind = telemetry::Registry::Kind;
    const auto offer = [this](Kind kind, const char* name, const char* help, std::function<double()> value) {
      metrics_.read_from(kind, name, help, [value = std::move(value)] {
        return std::vector<telemetry::Sample>{{.labels = {}, .value = value()}};
      });
    };
    const auto number = [](auto value) { return static_cast<double>(value); };
    offer(Kind::kCounter, "slipway_api_requests", "Requests that were answered.",
          [=, this] { return number(server_->counters().requests); });
    offer(Kind::kGauge, "slipway_api_connections", "Connections that are open.",
          [=, this] { return number(server_->counters().open); });
    offer(Kind::kGauge, "slipway_api_watches", "Watches that are open.",
          [=, this] { return number(api_->open_watches()); });
    offer(Kind::kGauge, "slipway_local_version", "The number of the last change.",
          [=, this] { return number(store_->resource_version()); });
    offer(Kind::kGauge, "slipway_local_broken", "1 when nothing more can be written.",
          [this] { return store_->broken().empty() ? 0.0 : 1.0; });
    offer(Kind::kGauge, "slipway_api_writes_waiting", "Writes that wait for a thread.",
          [=, this] { return number(executor_.waiting()); });
  }

  // What runs is seen and told through here; a version's files come from the store beside.
  Status open_environment() {
    processes::Options options{
        .data = settings_.data,
        .command = {os::program_folder() + "/slipway", "serve"},
        .fetch = [this](const domain::RevisionSpec& revision) { return files_of(revision); }};
    auto environment = processes::Processes::open(std::move(options), clock_);
    if (!environment) return fail(environment.error());
    environment_ = std::move(*environment);
    loops_ = std::make_unique<LoopsThread>(control::Options{.rollout = {.url = settings_.gateway_url}},
                                           LoopsThread::Parts{.store = *store_,
                                                              .environment = *environment_,
                                                              .clock = clock_,
                                                              .metrics = metrics_,
                                                              .observed = [this] { api_->set_observed(); }});
    return ok();
  }

  Result<std::string> files_of(const domain::RevisionSpec& revision) const {
    const auto artifact = cli::parse_artifact(revision.artifact);
    if (!artifact) return fail(artifact.error());
    const auto manifest = models_->manifest(artifact->repository, {.tag = "", .digest = artifact->digest});
    if (!manifest) return fail(manifest.error());
    return model_files(*models_, folder_->models(), *manifest);
  }

  Status start_admin() {
    offer_metrics();
    for (const http::Address& address : settings_.admin) {
      if (address.kind == http::Address::Kind::kUnix)
        ::unlink(address.path.c_str());  // of one that has ended
      admin_.push_back(std::make_unique<admin::AdminServer>(address, admin_routes(), clock_));
      if (Status listening = admin_.back()->start(); !listening) return listening;
    }
    return ok();
  }

  std::vector<http::Route> admin_routes() {
    const auto well = [this] { return store_->broken().empty(); };
    const auto moves = [this] { return !settings_.loops || clock_.now() - loops_->last_step() < kStuck; };
    return admin::routes({.started = [] { return true; }, .ready = well, .live = moves}, metrics_,
                         replica_metrics(folder_->path() + "/run", scrapers_));
  }

  const Settings settings_;
  const runtime::RealClock clock_;
  telemetry::Registry metrics_;
  std::optional<DataFolder> folder_;
  std::unique_ptr<local::Local> store_;
  std::optional<api::Tokens> tokens_;
  runtime::Executor executor_{{.name = "writer", .threads = kWriters, .queue = 1024}};
  runtime::Executor scrapers_{{.name = "scraper", .threads = 2, .queue = 64}};
  std::unique_ptr<oci::Layout> models_;
  std::unique_ptr<registry::Garbage> garbage_;
  std::atomic<bool> collecting_{false};
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<processes::Processes> environment_;
  std::unique_ptr<LoopsThread> loops_;
  std::vector<std::unique_ptr<admin::AdminServer>> admin_;
  bool stopped_ = false;
};

int control(const Arguments& arguments) {
  if (arguments.has("--cluster")) return run_cluster_control(arguments);
  auto settings = read_settings(arguments);
  if (!settings) return cli::complain(settings.error().message), cli::kUsage;
  const sigset_t signals = block_stop_signals();
  Control control(std::move(*settings));
  if (Status started = control.start(); !started) return cli::complain(started.error().message);
  std::printf("control listens on https://%s\nkubeconfig: %s\n", control.address().c_str(),
              control.folder().kubeconfig().c_str());
  std::fflush(stdout);
  while (!signal_within(signals, 1s))
    if (const std::string broken = control.step(); !broken.empty()) {
      control.stop();
      return cli::complain(broken);
    }
  control.stop();
  runtime::log::info("control", "ending");
  return cli::kSuccess;
}

}  // namespace

cli::Command control_command() {
  cli::Command out{
      .name = "control",
      .summary = "Run the API, the model registry and what is deployed on this machine",
      .description =
          "Serves the Kubernetes API protocol for models and deployments, and the OCI registry that "
          "holds model files, over\n"
          "TLS with a certificate authority of its own. Everything lives in the data folder; its "
          "kubeconfig is what slipway\n"
          "and kubectl need to reach it. With --cluster, acts on what a cluster's API server has instead, as "
          "long as "
          "it holds the\nLease. Stays in the foreground and ends on SIGTERM.",
      .options = {{.names = "--data",
                   .value = "DIR",
                   .help = "The data folder (default: $SLIPWAY_DATA, else $XDG_DATA_HOME/slipway)"},
                  {.names = "-l,--listen",
                   .value = "HOST:PORT",
                   .help = "Where to listen, with TLS",
                   .fallback = "127.0.0.1:8090"},
                  {.names = "--admin",
                   .value = "ADDR",
                   .help = "Where probes and metrics are answered, besides <data>/run/control.admin.sock"},
                  {.names = "--without-loops",
                   .value = "",
                   .help = "Serve the API and the registry, and act on nothing",
                   .hidden = true},
                  {.names = "--gateway-url",
                   .value = "URL",
                   .help = "Where callers reach what is deployed, as status.url says it"},
                  {.names = "--allow-plaintext",
                   .value = "",
                   .help = "Let --admin listen where other machines can reach it, without TLS"}},
      .examples = {"slipway control",
                   "slipway control --data ./data --listen 127.0.0.1:9090 --admin 127.0.0.1:9091",
                   "kubectl --kubeconfig ./data/kubeconfig get modelversions",
                   "slipway control --cluster --context prod --image docker.io/library/slipway:0.1.0"},
      .run = control};
  for (cli::Option& option : cluster_control_options()) out.options.push_back(std::move(option));
  return out;
}

}  // namespace slipway::app
