#include "services/cli/contexts.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/pods.h"
#include "services/cli/resources.h"
#include "services/cli/rollout.h"

namespace slipway::cli {
namespace {

using json::Document;

constexpr const char* kThisMachine = "(this machine)";

Document document_of(const Platform& own, const std::vector<kube::ContextSeen>& contexts) {
  Document out = Document::array();
  for (const kube::ContextSeen& each : contexts)
    out.push_back({{"name", each.name},
                   {"server", each.server},
                   {"namespace", each.ns.empty() ? "default" : each.ns},
                   {"user", each.user},
                   {"current", each.current}});
  return {{"data", own.data}, {"server", own.access.server}, {"contexts", std::move(out)}};
}

int print_contexts(const Arguments& arguments, const Platform& own,
                   const std::vector<kube::ContextSeen>& contexts) {
  const std::string shown = arguments.get("--output");
  if (shown == "json")
    std::printf("%s\n",
                document_of(own, contexts).dump(2, ' ', false, Document::error_handler_t::replace).c_str());
  if (shown == "name")
    for (const kube::ContextSeen& each : contexts) std::printf("%s\n", safe(each.name).c_str());
  if (shown == "table") std::fputs(to_text(contexts_table(own, contexts)).c_str(), stdout);
  return kSuccess;
}

// What is there, as far as one look tells: whose server, and whether it knows our kinds.
int check_context(const Arguments& arguments) {
  Arguments named = arguments;
  named.set("--context", {arguments.get("NAME")});
  const auto platform = find_platform(named);
  if (!platform) return complain(platform.error().message);
  const auto server = platform->server();
  if (!server) return complain(server.error().message);
  const auto client = platform->client();
  const auto deployments = list_deployments(*platform, *client);
  if (!deployments) return complain(deployments.error().message);
  const bool cluster = server->where == Where::kCluster;
  if (arguments.get("--output") == "json") {
    const Document out{{"name", platform->access.context},         {"server", platform->access.server},
                       {"namespace", platform->access.ns},         {"version", server->version},
                       {"where", cluster ? "cluster" : "machine"}, {"deployments", deployments->size()}};
    return std::printf("%s\n", out.dump(2).c_str()), kSuccess;
  }
  std::printf("%s: %s %s, %zu deployment%s in namespace %s\n", platform->str().c_str(),
              cluster ? "Kubernetes" : "Slipway", server->version.c_str(), deployments->size(),
              deployments->size() == 1 ? "" : "s", platform->access.ns.c_str());
  return kSuccess;
}

int context(const Arguments& arguments) {
  if (arguments.has("NAME")) return check_context(arguments);
  Arguments data;
  if (arguments.has("--data")) data.set("--data", {arguments.get("--data")});
  const auto found = find_platform(data, Warnings::kIgnored);
  const Platform own = found ? *found : Platform{.access = {}, .data = data_folder(arguments.get("--data"))};
  const auto contexts = kube::list_contexts(kubeconfig_files_of(arguments));
  if (!contexts) return complain(contexts.error().message);
  return print_contexts(arguments, own, *contexts);
}

Result<uint16_t> parse_port(std::string_view text) {
  uint16_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || out == 0)
    return fail(Code::kInvalid, "{}: want LOCAL[:REMOTE], such as 8080 or 9000:8080", text);
  return out;
}

// What is forwarded, and what people are told of it.
struct Wanted {
  std::string deployment;  // empty: none in particular
  Ports ports{.local = 8080};
};

Result<Wanted> parse_wanted(const Arguments& arguments) {
  Wanted out;
  for (const std::string& word : arguments.all("NAME|PORTS")) {
    if (word.find_first_not_of("0123456789:") != std::string::npos) {
      if (!out.deployment.empty())
        return fail(Code::kInvalid, "'{}': one deployment at a time, or none for all", word);
      out.deployment = word;
      continue;
    }
    const auto ports = parse_ports(word);
    if (!ports) return fail(ports.error());
    out.ports = *ports;
  }
  return out;
}

Result<std::unique_ptr<kube::PortForward>> forward_to(const Platform& platform, Ports ports) {
  const auto target = [platform, ports]() -> kube::Reply<kube::PodPort> {
    auto pod = find_gateway(platform);
    if (pod && ports.remote != 0) pod->port = ports.remote;
    return pod;
  };
  const auto on_error = [platform](const kube::ApiError& error) {
    std::fprintf(stderr, "warning: a connection ended: %s\n", safe(platform.explain(error)).c_str());
  };
  // Before people are told that it works.
  if (const auto pod = target(); !pod) return fail(pod.error().error);
  return kube::PortForward::start(
      platform.access, target, {.listen = {.host = "127.0.0.1", .port = ports.local}, .on_error = on_error});
}

int port_forward(const Arguments& arguments) {
  const auto wanted = parse_wanted(arguments);
  if (!wanted) return complain(wanted.error().message), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto where = platform->where();
  if (!where) return complain(where.error().message);
  if (*where == Where::kMachine)
    return complain(
        fmt::format("{} is one machine's, whose gateway needs no forwarding; `slipway status` says where it "
                    "answers",
                    platform->str()));
  if (!wanted->deployment.empty())
    if (const auto found = find_deployment(*platform, *platform->client(), wanted->deployment); !found)
      return complain(found.error().message);
  const auto forward = forward_to(*platform, wanted->ports);
  if (!forward) return complain(forward.error().message);
  const std::string path = wanted->deployment.empty() ? "" : "/v2/models/" + wanted->deployment;
  std::printf("http://%s%s leads to the gateways in namespace %s of %s; Ctrl-C ends it\n",
              (*forward)->address().str().c_str(), path.c_str(), platform->access.ns.c_str(),
              platform->str().c_str());
  std::fflush(stdout);
  while (true) ::pause();  // until a signal ends the process
}

}  // namespace

Result<Ports> parse_ports(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view left = text.substr(0, colon);
  const std::string_view right = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  Ports out;
  if (left.empty() && right.empty()) return fail(parse_port(text).error());
  if (!left.empty()) {
    const auto port = parse_port(left);
    if (!port) return fail(port.error());
    out.local = *port;
  }
  if (colon != std::string_view::npos) {
    const auto port = parse_port(right);
    if (!port) return fail(port.error());
    out.remote = *port;
  }
  return out;
}

Table contexts_table(const Platform& own, const std::vector<kube::ContextSeen>& contexts) {
  Table out{.head = {"CONTEXT", "SERVER", "NAMESPACE", "WITHOUT --context"}, .rows = {}};
  const std::string& server = own.access.server;
  out.rows.push_back({kThisMachine, server.empty() ? "(nothing runs)" : server, own.access.ns,
                      "slipway: " + safe(own.data)});
  for (const kube::ContextSeen& each : contexts)
    out.rows.push_back({safe(each.name), each.server.empty() ? "(no such cluster)" : safe(each.server),
                        each.ns.empty() ? "default" : safe(each.ns), each.current ? "kubectl" : ""});
  return out;
}

Command context_command() {
  return {.name = "context",
          .summary = "List the contexts there are, or look at one",
          .description =
              "Without NAME those of $KUBECONFIG or ~/.kube/config, and this machine's own platform: a "
              "command without\n"
              "--context talks to that, never to kubectl's current context. With NAME it asks the server "
              "what it is and ends\n"
              "with 1 when it cannot be used.",
          .positionals =
              {{.name = "NAME", .help = "A context", .times = Times::kOptional, .completes = "context"}},
          .options = with_platform({{.names = "-o,--output",
                                     .value = "FORMAT",
                                     .help = "table, json or name",
                                     .fallback = "table",
                                     .choices = {"table", "json", "name"}}}),
          .examples = {"slipway context", "slipway context prod", "slipway context -o name"},
          .run = context};
}

Command port_forward_command() {
  return {
      .name = "port-forward",
      .summary = "Bring a cluster's gateway to a port of this machine",
      .description =
          "Listens on 127.0.0.1 and carries each connection to a ready gateway's pod through the API "
          "server, until it is\n"
          "ended. It needs the right to create pods/portforward, and no way into the cluster besides.",
      .positionals = {{.name = "NAME|PORTS",
                       .help = "A deployment, whose address is shown; LOCAL[:REMOTE] (default: 8080)",
                       .times = Times::kAnyNumber,
                       .completes = "md"}},
      .options = platform_options(),
      .examples = {"slipway port-forward --context prod", "slipway port-forward --context prod credit 9000",
                   "slipway port-forward --context prod :8081"},
      .run = port_forward};
}

}  // namespace slipway::cli
