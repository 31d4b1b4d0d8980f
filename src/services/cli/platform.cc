#include "services/cli/platform.h"

#include <cstdio>
#include <cstdlib>

namespace slipway::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string data_folder(const std::string& option) {
  if (!option.empty()) return option;
  if (const std::string own = environment("SLIPWAY_DATA"); !own.empty()) return own;
  if (const std::string shared = environment("XDG_DATA_HOME"); !shared.empty()) return shared + "/slipway";
  return environment("HOME") + "/.local/share/slipway";
}

std::vector<Option> platform_options() {
  return {{.names = "--data",
           .value = "DIR",
           .help = "The platform of this data folder (default: $SLIPWAY_DATA, else $XDG_DATA_HOME/slipway)"},
          {.names = "--kubeconfig", .value = "FILE", .help = "The platform that this kubeconfig leads to"},
          {.names = "--context",
           .value = "NAME",
           .help = "The platform of this context in $KUBECONFIG or ~/.kube/config"},
          {.names = "-n,--namespace", .value = "NAME", .help = "The namespace (default: the context's)"}};
}

std::vector<Option> with_platform(std::vector<Option> own) {
  for (Option& option : platform_options()) own.push_back(std::move(option));
  return own;
}

std::unique_ptr<kube::Client> Platform::client() const {
  kube::ClientOptions options;
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

Result<Platform> find_platform(const Arguments& arguments, Warnings warnings) {
  Platform out{.access = {}, .data = data_folder(arguments.get("--data"))};
  std::vector<std::string> files;
  const bool own = !arguments.has("--kubeconfig") && !arguments.has("--context");
  if (own)
    files = {out.data + "/kubeconfig"};
  else if (arguments.has("--kubeconfig"))
    files = {arguments.get("--kubeconfig")};
  else
    files = kube::kubeconfig_files(environment("KUBECONFIG"), environment("HOME"));
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

std::string explain(const kube::ApiError& error) {
  std::string out = error.error.message;
  if (error.causes.size() > 1) {
    // One line a field reads better than one line for all.
    out = out.substr(
        0, out.find(" is invalid: ") == std::string::npos ? out.size() : out.find(" is invalid: ") + 11);
    for (const kube::Cause& cause : error.causes)
      if (cause.field != "<nil>") out += fmt::format("\n  {}: {}", cause.field, cause.message);
  }
  const bool unreached = error.status == 0 && error.error.code != Code::kInvalid;  // else we did not even ask
  if (unreached) out += "; is `slipway up` running?";
  if (error.reason == "Conflict")
    out += "\nSomebody changed it meanwhile: look at it again and repeat the command.";
  return out;
}

}  // namespace slipway::cli
