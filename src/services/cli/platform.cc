#include "services/cli/platform.h"

#include <cstdio>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "values/json/document.h"

namespace slipway::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Chosen chosen_by(const Arguments& arguments) {
  if (arguments.has("--context")) return Chosen::kByContext;
  return arguments.has("--kubeconfig") ? Chosen::kByFile : Chosen::kByData;
}

}  // namespace

std::vector<std::string> kubeconfig_files_of(const Arguments& arguments) {
  if (arguments.has("--kubeconfig")) return {arguments.get("--kubeconfig")};
  return kube::kubeconfig_files(environment("KUBECONFIG"), environment("HOME"));
}

std::string data_folder(const std::string& option) {
  if (!option.empty()) return option;
  if (const std::string own = environment("SLIPWAY_DATA"); !own.empty()) return own;
  if (const std::string shared = environment("XDG_DATA_HOME"); !shared.empty()) return shared + "/slipway";
  return environment("HOME") + "/.local/share/slipway";
}

std::vector<Option> platform_options() {
  return {{.names = "--data",
           .value = "DIR",
           .help = "The platform of this data folder (default: $SLIPWAY_DATA, else $XDG_DATA_HOME/slipway)",
           .before = true},
          {.names = "--kubeconfig",
           .value = "FILE",
           .help = "The platform that this kubeconfig leads to",
           .before = true},
          {.names = "--context",
           .value = "NAME",
           .help = "The platform of this context in $KUBECONFIG or ~/.kube/config",
           .completes = "context",
           .before = true},
          {.names = "-n,--namespace",
           .value = "NAME",
           .help = "The namespace (default: the context's)",
           .before = true}};
}

std::vector<Option> with_platform(std::vector<Option> own) {
  for (Option& option : platform_options()) own.push_back(std::move(option));
  return own;
}

std::unique_ptr<kube::Client> Platform::client(kube::ManagedFields fields) const {
  kube::ClientOptions options{.managed_fields = fields};
  options.on_warning = [](std::string_view text) {
    std::fprintf(stderr, "warning: %.*s\n", static_cast<int>(text.size()), text.data());
  };
  return std::make_unique<kube::Client>(access, std::move(options));
}

Result<std::unique_ptr<oci::RegistryClient>> Platform::registry(oci::ClientOptions options) const {
  auto url = http::parse_url(access.server);
  if (!url) return fail(url.error());
  url->prefix.clear();
  // Making a gigabyte lasting takes its time: the registry answers when it is.
  return std::make_unique<oci::RegistryClient>(
      std::move(*url),
      http::ClientOptions{.timeout_ms = 120'000, .ca_pem = access.ca_pem, .bearer_token = access.token},
      std::move(options));
}

Result<ServerFacts> parse_server_facts(std::string_view version_json) {
  // What serves the protocol stands behind the plus sign.
  constexpr std::string_view kOurs = "+slipway.";
  const auto document = json::parse_document(version_json);
  std::string version = document ? json::text_of(*document, "gitVersion") : "";
  if (version.empty())
    return fail(Code::kInvalid, "what answers there does not say a version: it is no API server");
  const size_t ours = version.find(kOurs);
  if (ours == std::string::npos) return ServerFacts{.where = Where::kCluster, .version = std::move(version)};
  return ServerFacts{.where = Where::kMachine, .version = version.substr(ours + kOurs.size())};
}

Result<ServerFacts> Platform::server() const {
  if (asked) return *asked;
  const auto answer = client()->get_text("/version");
  if (!answer) return fail(explained(answer.error()));
  auto facts = parse_server_facts(*answer);
  if (!facts) return fail(base::within(str(), facts.error()));
  return *(asked = std::move(*facts));
}

Result<Where> Platform::where() const {
  if (chosen == Chosen::kByData) return Where::kMachine;
  const auto facts = server();
  if (!facts) return fail(facts.error());
  return facts->where;
}

Result<Platform> find_platform(const Arguments& arguments, Warnings warnings) {
  Platform out{.access = {},
               .data = data_folder(arguments.get("--data")),
               .chosen = chosen_by(arguments),
               .file = arguments.get("--kubeconfig")};
  const bool own = out.chosen == Chosen::kByData;
  const std::vector<std::string> files =
      own ? std::vector{out.data + "/kubeconfig"} : kubeconfig_files_of(arguments);
  auto loaded = kube::load_access(files, arguments.get("--context"));
  if (!loaded && own && loaded.error().code == Code::kNotFound)
    return fail(Code::kNotFound,
                "nothing runs in the data folder {} yet; start it with `slipway up`, or say "
                "--kubeconfig or --context",
                out.data);
  if (!loaded) return fail(loaded.error());
  if (warnings == Warnings::kSaid)
    for (const std::string& warning : loaded->warnings)
      std::fprintf(stderr, "warning: %s\n", warning.c_str());
  out.access = std::move(loaded->access);
  if (arguments.has("--namespace")) out.access.ns = arguments.get("--namespace");
  return out;
}

}  // namespace slipway::cli
