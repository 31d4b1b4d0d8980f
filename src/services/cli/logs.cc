#include "services/cli/logs.h"

#include <algorithm>
#include <cstdio>
#include <thread>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/pods.h"
#include "services/cli/rollout.h"
#include "services/cli/screen.h"
#include "system/runtime/mutex.h"
#include "values/domain/endpoint_slice.h"
#include "values/domain/units.h"

namespace slipway::cli {
namespace {

constexpr size_t kMostAtOnce = 32;        // replicas, each on a connection of its own
constexpr size_t kLongestLine = 1 << 20;  // that is waited for

constexpr std::string_view kRevisionLabel = "slipway.dev/revision";  // of pods

const kube::Resource kPods{.group = "", .version = "v1", .plural = "pods"};

// What of the log is wanted.
Result<kube::Query> log_query(const Arguments& arguments) {
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
  return query;
}

// Nothing is a replica's own name by itself but on one machine; a cluster's pods are asked for.
Result<std::vector<LogSource>> named_source(const Platform& platform, kube::Client& client, Where where,
                                            const std::string& name) {
  if (where == Where::kMachine) return std::vector{LogSource{.pod = name}};
  const auto object = client.get({kPods, platform.access.ns, name});
  if (!object && object.error().reason != "NotFound") return fail(platform.explained(object.error()));
  if (object) {
    const auto pod = parse_pod(object->json);
    if (!pod) return fail(pod.error());
    return std::vector{source_of(*pod)};
  }
  // REVISION-0, as one machine calls a replica: there the pods of the revision have names of their own.
  const auto pods =
      list_pods(platform, client, fmt::format("{}={}", kRevisionLabel, name.substr(0, name.rfind('-'))));
  if (!pods) return fail(pods.error());
  std::vector<LogSource> out;
  for (const PodSeen& pod : *pods) out.push_back(source_of(pod));
  if (!out.empty()) return out;
  return fail(Code::kNotFound,
              "there is neither a deployment nor a pod '{}': a cluster keeps a log no longer than its pod; "
              "`slipway why NAME` "
              "shows the last lines that were seen",
              safe(name));
}

Result<std::vector<LogSource>> deployment_sources(const Platform& platform, kube::Client& client, Where where,
                                                  const std::string& name) {
  const auto pods = list_pods(platform, client, fmt::format("{}={}", domain::kDeploymentLabel, name));
  if (!pods) return fail(pods.error());
  std::vector<LogSource> out;
  for (const PodSeen& pod : *pods)
    out.push_back(where == Where::kMachine ? LogSource{.pod = pod.name} : source_of(pod));
  if (!out.empty()) return out;
  return fail(
      Code::kNotFound, "deployment {} has no replica now; `slipway why {}` says why{}", name, name,
      where == Where::kMachine ? ", and `slipway logs REVISION-0` shows the log of one that has gone" : "");
}

// A deployment's replicas; else the word is taken for a replica's own name: on one machine logs outlive their
// replicas.
Result<std::vector<LogSource>> find_sources(const Platform& platform, kube::Client& client,
                                            const Arguments& arguments) {
  const std::string name = arguments.get("NAME|REPLICA");
  const auto where = platform.where();
  if (!where) return fail(where.error());
  const auto deployment = find_deployment(platform, client, name);
  if (!deployment) {
    const bool may_be_one = deployment.error().code == Code::kNotFound && !arguments.has("--replica") &&
                            std::ranges::count(name, '-') >= 3;
    if (may_be_one) return named_source(platform, client, *where, name);
    return fail(deployment.error());
  }
  auto all = deployment_sources(platform, client, *where, name);
  if (!all) return fail(all.error());
  return chosen_sources(std::move(*all), arguments.get("--replica"));
}

// One replica's log on standard output. Thread-safe with others of the same mutex.
Status print_log(const Platform& platform, const LogSource& source, kube::Query query,
                 const std::string& mark, runtime::Mutex& output) {
  // Who follows waits for as long as the replica is silent.
  kube::Client client(platform.access, {.timeout_ms = -1});
  const auto path = kube::object_path({kPods, platform.access.ns, source.pod});
  if (!path) return fail(path.error());
  LineMarker marker(mark);
  const auto put = [&](const std::string& text) {
    const runtime::MutexLock lock(output);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return std::fflush(stdout) == 0;
  };
  query.add("container", source.container);
  const auto done = client.read_text(*path + "/log" + query.str(),
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
  const auto sources = find_sources(*platform, *client, arguments);
  if (!sources) return complain(sources.error().message);
  if (sources->size() > kMostAtOnce)
    return complain(
        fmt::format("{} replicas are too many to read at once; choose one with --replica", sources->size()));
  std::vector<Status> ends(sources->size());
  runtime::Mutex output;
  const auto read = [&](size_t i) {
    const LogSource& source = (*sources)[i];
    const std::string mark = sources->size() == 1 ? "" : inked("[" + source.str() + "]", Ink::kFaint) + " ";
    ends[i] = print_log(*platform, source, *query, mark, output);
  };
  std::vector<std::thread> threads;
  const bool together = arguments.has("--follow") && sources->size() > 1;
  for (size_t i = 0; i < sources->size(); ++i) {
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

std::string LogSource::str() const { return container == "fetch" ? pod + " fetch" : pod; }

LogSource source_of(const PodSeen& pod) {
  LogSource out{.pod = pod.name, .container = "server"};
  const ContainerSeen* first = nullptr;
  bool serves = false;
  for (const ContainerSeen& each : pod.containers) {
    if (each.init && each.name == "fetch" && !each.ended) out.container = "fetch";
    if (!each.init && !first) first = &each;
    serves = serves || each.name == "server";
  }
  if (first && !serves) out.container = first->name;
  return out;
}

Result<std::vector<LogSource>> chosen_sources(std::vector<LogSource> all, const std::string& wanted) {
  if (wanted.empty()) return all;
  const bool ordinal = wanted.find_first_not_of("0123456789") == std::string::npos;
  std::vector<std::string> names;
  std::vector<LogSource> out;
  for (const LogSource& each : all) {
    names.push_back(each.pod);
    if (each.pod == wanted || (ordinal && each.pod.substr(each.pod.rfind('-') + 1) == wanted))
      out.push_back(each);
  }
  // A cluster's pods have no numbers of their own: their place in the order of names then.
  const size_t place = ordinal && wanted.size() < 5 ? std::stoul(wanted) : all.size();
  if (out.empty() && place < all.size() && !all[place].container.empty()) out.push_back(all[place]);
  if (out.empty())
    return fail(Code::kNotFound, "there is no replica '{}'{}", wanted, meant_or_known(wanted, names));
  return out;
}

Command logs_command() {
  return {
      .name = "logs",
      .summary = "Show what replicas wrote",
      .description =
          "Of one replica the log as it is; of several each line is marked with who wrote it. A replica's "
          "log outlives it: say\n"
          "its own name to see the last words of one that has gone (on a cluster, for as long as its pod is "
          "there). Of a pod\n"
          "whose model files are still being fetched it is the fetching's log.",
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
            .help = "The older part, from before the log was begun anew (on a cluster: by the container "
                    "before)"}}),
      .examples = {"slipway logs credit -f", "slipway logs credit --replica 0 --tail 20",
                   "slipway logs credit-3-8f2a1c40-0 --previous"},
      .run = logs};
}

}  // namespace slipway::cli
