#include "services/cli/status.h"

#include <cstdio>
#include <thread>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/place.h"
#include "services/cli/resources.h"
#include "services/cli/screen.h"
#include "system/http/client.h"
#include "system/os/file_lock.h"

namespace slipway::cli {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBetweenLooks = 500ms, kRefresh = 1s;
constexpr size_t kMetricsBytes = 16 << 20;
constexpr int kTimeoutMs = 5'000;

// One machine's platform is looked at from inside its data folder too; another's by its API alone.
class Look {
 public:
  explicit Look(const Arguments& arguments)
      : arguments_(arguments), local_(!arguments.has("--kubeconfig") && !arguments.has("--context")) {}

  PlatformSeen take() {
    PlatformSeen out;
    const auto platform = find_platform(arguments_);
    if (local_) out.data = data_folder(arguments_.get("--data"));
    if (platform)
      ask_api(*platform, out);
    else
      out.problem = platform.error().message;
    if (platform) look_at(*platform, out);
    if (local_) out.processes = processes(platform ? platform->access.server : "", out);
    if (local_) out.traffic = traffic([&] { return scrape(out.data); });
    return out;
  }

 private:
  static void ask_api(const Platform& platform, PlatformSeen& out) {
    kube::Client client(platform.access, {.timeout_ms = kTimeoutMs});
    auto deployments = list_deployments(platform, client);
    if (deployments)
      out.deployments = std::move(*deployments);
    else
      out.problem = deployments.error().message;
    const auto space = deployments ? client.get_text("/api/v1/namespaces/" + platform.access.ns)
                                   : kube::Reply<std::string>("{}");
    const auto document = json::parse_document(space ? *space : "{}");
    if (document)
      out.limits = json::text_of(json::member(json::member(*document, "metadata"), "annotations"),
                                 "slipway.dev/limits");
  }

  // On a cluster there are parts instead of processes, and gateways that are asked through the API server.
  void look_at(const Platform& platform, PlatformSeen& out) {
    if (!where_ && out.problem.empty())
      if (const auto where = platform.where()) where_ = *where;
    if (where_ != Where::kCluster) return;
    kube::Client client(platform.access, {.timeout_ms = kTimeoutMs, .body_limit = kMetricsBytes});
    out.cluster = look_at_cluster(platform, client);
    if (out.problem.empty()) out.traffic = traffic([&] { return scrape_gateways(platform, client); });
  }

  static std::vector<ProcessSeen> processes(const std::string& server, const PlatformSeen& seen) {
    std::vector<ProcessSeen> out{{.name = "supervisor"}, {.name = "control"}, {.name = "gateway"}};
    for (ProcessSeen& each : out) each.holder = os::lock_holder(seen.data + "/run/" + each.name + ".lock");
    if (out[1].holder) out[1].address = server;
    for (const domain::ModelDeployment& each : seen.deployments)
      if (out[2].holder && !each.status.url.empty()) out[2].address = gateway_url(each.status.url);
    return out;
  }

  static std::optional<std::vector<MetricSample>> scrape(const std::string& data) {
    const auto url = http::parse_url("unix:" + data + "/run/gateway.admin.sock");
    if (!url) return std::nullopt;
    http::Client client(*url, {.timeout_ms = kTimeoutMs, .body_limit = kMetricsBytes});
    const auto answer = client.ask({.target = "/metrics"});
    if (!answer || answer->status != 200) return std::nullopt;
    auto samples = parse_metrics(answer->body);
    return samples ? std::optional(std::move(*samples)) : std::nullopt;
  }

  // Since the last look; the first one looks twice.
  std::map<std::string, Traffic> traffic(
      const std::function<std::optional<std::vector<MetricSample>>()>& scrape_all) {
    auto samples = scrape_all();
    if (samples && !before_) {
      before_ = std::move(samples);
      scraped_ = clock_.now();
      std::this_thread::sleep_for(kBetweenLooks);
      samples = scrape_all();
    }
    const TimePoint now = clock_.now();
    std::map<std::string, Traffic> out;
    if (samples && before_) out = traffic_between(*before_, *samples, now - scraped_);
    before_ = std::move(samples);
    scraped_ = now;
    return out;
  }

  const Arguments& arguments_;
  const bool local_;
  std::optional<Where> where_;  // a server does not become another
  const runtime::RealClock clock_;
  std::optional<std::vector<MetricSample>> before_;
  TimePoint scraped_;
};

int status(const Arguments& arguments) {
  const runtime::RealClock clock;
  const bool as_json = arguments.get("--output") == "json";
  Look look(arguments);
  Screen screen;
  while (true) {
    const PlatformSeen seen = look.take();
    std::string text = as_json ? status_document(seen).dump(arguments.has("--watch") ? -1 : 2) + "\n"
                               : status_text(seen, clock.wall());
    if (!arguments.has("--watch")) {
      std::fputs(text.c_str(), stdout);
      return seen.problem.empty() ? kSuccess : kFailed;
    }
    screen.show(text);
    std::this_thread::sleep_for(kRefresh);
  }
}

}  // namespace

Command status_command() {
  return {
      .name = "status",
      .summary = "Show the whole platform on one screen",
      .description =
          "Which processes run and where they answer (of a cluster: control, its leader and the gateways), "
          "and "
          "each deployment with its versions' shares of the "
          "requests, its replicas,\n"
          "its state and its traffic. Ends with 1 when the API does not answer.",
      .options = with_platform({{.names = "-w,--watch", .value = "", .help = "Stay, and look every second"},
                                {.names = "-o,--output",
                                 .value = "FORMAT",
                                 .help = "text or json",
                                 .fallback = "text",
                                 .choices = {"text", "json"}}}),
      .examples = {"slipway status", "slipway status -w", "slipway status -o json"},
      .run = status};
}

}  // namespace slipway::cli
