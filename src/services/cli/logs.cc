#include "services/cli/logs.h"

#include <algorithm>
#include <cstdio>
#include <thread>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/rollout.h"
#include "services/cli/screen.h"
#include "system/runtime/mutex.h"
#include "values/domain/endpoint_slice.h"
#include "values/domain/units.h"

namespace slipway::cli {
namespace {

constexpr size_t kMostAtOnce = 32;        // replicas, each on a connection of its own
constexpr size_t kLongestLine = 1 << 20;  // that is waited for

const kube::Resource kPods{.group = "", .version = "v1", .plural = "pods"};

// The query of the log's path.
Result<std::string> log_query(const Arguments& arguments) {
  kube::Query query;
  const auto tail = parse_number(arguments, "--tail", {0, 1'000'000'000});
  if (!tail) return fail(tail.error());
  if (arguments.has("--follow")) query.add("follow", "true");
  if (arguments.has("--previous")) query.add("previous", "true");
  if (arguments.has("--timestamps")) query.add("timestamps", "true");
  if (*tail) query.add("tailLines", std::to_string(**tail));
  if (arguments.has("--since")) {
    const auto since = domain::parse_duration(arguments.get("--since"));
    if (!since) return fail(base::within("--since", since.error()));
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*since).count();
    query.add("sinceSeconds", std::to_string(std::max<int64_t>(seconds, 1)));
  }
  return query.str();
}

Result<std::vector<std::string>> replicas_of(const Platform& platform, kube::Client& client,
                                             const std::string& deployment) {
  const auto list = client.list({.resource = kPods,
                                 .ns = platform.access.ns,
                                 .label_selector = fmt::format("{}={}", domain::kDeploymentLabel, deployment),
                                 .field_selector = ""});
  if (!list) return fail(platform.explained(list.error()));
  std::vector<std::string> out;
  for (const kube::Object& pod : list->items) out.push_back(pod.name);
  return out;
}

// A deployment's replicas; else the word is taken for a replica's own name: logs outlive their replicas.
Result<std::vector<std::string>> find_replicas(const Platform& platform, kube::Client& client,
                                               const Arguments& arguments) {
  const std::string name = arguments.get("NAME|REPLICA");
  const auto deployment = find_deployment(platform, client, name);
  if (!deployment) {
    const bool may_be_one = deployment.error().code == Code::kNotFound && !arguments.has("--replica") &&
                            std::ranges::count(name, '-') >= 3;
    if (may_be_one) return std::vector{name};
    return fail(deployment.error());
  }
  auto all = replicas_of(platform, client, name);
  if (!all) return fail(all.error());
  if (all->empty())
    return fail(Code::kNotFound,
                "deployment {} has no replica now; `slipway why {}` says why, and `slipway logs "
                "REVISION-0` shows the log of one that has gone",
                name, name);
  return chosen_replicas(std::move(*all), arguments.get("--replica"));
}

// One replica's log on standard output. Thread-safe with others of the same mutex.
Status print_log(const Platform& platform, const std::string& replica, const std::string& query,
                 const std::string& mark, runtime::Mutex& output) {
  // Who follows waits for as long as the replica is silent.
  kube::Client client(platform.access, {.timeout_ms = -1});
  const auto path = kube::object_path({kPods, platform.access.ns, replica});
  if (!path) return fail(path.error());
  LineMarker marker(mark);
  const auto put = [&](const std::string& text) {
    const runtime::MutexLock lock(output);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return std::fflush(stdout) == 0;
  };
  const auto done = client.read_text(*path + "/log" + query,
                                     [&](std::string_view piece) { return put(marker.take(piece)); });
  put(marker.rest());
  if (!done) return fail(platform.explained(done.error()));
  return ok();
}

int logs(const Arguments& arguments) {
  const auto query = log_query(arguments);
  if (!query) return complain(query.error().message), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto client = platform->client();
  const auto replicas = find_replicas(*platform, *client, arguments);
  if (!replicas) return complain(replicas.error().message);
  if (replicas->size() > kMostAtOnce)
    return complain(
        fmt::format("{} replicas are too many to read at once; choose one with --replica", replicas->size()));
  std::vector<Status> ends(replicas->size());
  runtime::Mutex output;
  const auto read = [&](size_t i) {
    const std::string& name = (*replicas)[i];
    const std::string mark = replicas->size() == 1 ? "" : inked("[" + name + "]", Ink::kFaint) + " ";
    ends[i] = print_log(*platform, name, *query, mark, output);
  };
  std::vector<std::thread> threads;
  const bool together = arguments.has("--follow") && replicas->size() > 1;
  for (size_t i = 0; i < replicas->size(); ++i) {
    if (together)
      threads.emplace_back(read, i);
    else
      read(i);
  }
  for (std::thread& thread : threads) thread.join();
  int code = kSuccess;
  for (const Status& end : ends)
    if (!end) code = complain(end.error().message);
  return code;
}

}  // namespace

std::string LineMarker::take(std::string_view piece) {
  if (mark_.empty()) return std::string(piece);
  std::string out;
  while (!piece.empty()) {
    const size_t end = piece.find('\n');
    part_ += piece.substr(0, end);
    piece.remove_prefix(end == std::string_view::npos ? piece.size() : end + 1);
    if (end == std::string_view::npos && part_.size() < kLongestLine) break;
    out += mark_ + std::exchange(part_, {}) + "\n";
  }
  return out;
}

std::string LineMarker::rest() { return part_.empty() ? "" : mark_ + std::exchange(part_, {}) + "\n"; }

Result<std::vector<std::string>> chosen_replicas(std::vector<std::string> all, const std::string& wanted) {
  if (wanted.empty()) return all;
  const bool ordinal = wanted.find_first_not_of("0123456789") == std::string::npos;
  std::vector<std::string> out;
  for (const std::string& name : all)
    if (name == wanted || (ordinal && name.substr(name.rfind('-') + 1) == wanted)) out.push_back(name);
  if (out.empty())
    return fail(Code::kNotFound, "there is no replica '{}'{}", wanted, meant_or_known(wanted, all));
  return out;
}

Command logs_command() {
  return {
      .name = "logs",
      .summary = "Show what replicas wrote",
      .description =
          "Of one replica the log as it is; of several each line is marked with who wrote it. A replica's "
          "log outlives it: say\n"
          "its own name to see the last words of one that has gone.",
      .positionals = {{.name = "NAME|REPLICA",
                       .help = "A deployment, or one replica's name",
                       .completes = "md"}},
      .options = with_platform(
          {{.names = "-f,--follow", .value = "", .help = "Stay and show what is added"},
           {.names = "--replica",
            .value = "R",
            .help = "Only this replica of the deployment: its name, or its number"},
           {.names = "--tail", .value = "N", .help = "Only the last lines"},
           {.names = "--since", .value = "TIME", .help = "Only what was written since: 90s, 10m"},
           {.names = "--timestamps", .value = "", .help = "With the time before each line"},
           {.names = "--previous",
            .value = "",
            .help = "The older part, from before the log was begun anew"}}),
      .examples = {"slipway logs credit -f", "slipway logs credit --replica 0 --tail 20",
                   "slipway logs credit-3-8f2a1c40-0 --previous"},
      .run = logs};
}

}  // namespace slipway::cli
