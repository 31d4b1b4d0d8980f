// fetch: a version made a folder that can be served; of the platform into its data folder, or of any registry
// into any folder, as the pods of a cluster do it before they serve.
#include "apps/slipway/fetch.h"

#include <cstdio>

#include "apps/slipway/commands.h"
#include "services/cli/own_registry.h"
#include "services/cli/progress.h"
#include "services/cli/registries.h"
#include "system/oci/delivery.h"

namespace slipway::app {
namespace {

using cli::Arguments;

constexpr int kAttempts = 6;  // of what breaks off: some seconds of pauses; pods try again later

// What can be done about it, where that is not said yet.
std::string_view next_step(const Error& error) {
  switch (error.code) {
    case Code::kDenied:
      return "; are the credentials for this registry there, and right (--docker-config)?";
    case Code::kNotFound:
      return "; push it there, or name another artifact";
    case Code::kInvalid:
      return "; push the version again, under its own digest";
    default:
      return "";
  }
}

int refuse(const Error& error) {
  // Readers of the exit code alone tell "not now" from "never".
  const int code = error.code == Code::kInvalid ? cli::kOtherContent : cli::kFailed;
  std::string line = error.message + std::string(next_step(error));
  for (char& c : line)
    if (c == '\n' || c == '\r') c = ' ';
  cli::complain(line);
  return code;
}

void warn(std::string_view text) {
  std::fprintf(stderr, "warning: %.*s\n", static_cast<int>(text.size()), text.data());
}

using Open =
    std::function<Result<std::unique_ptr<oci::RegistryClient>>(const cli::Artifact&, oci::ClientOptions)>;

int bring(cli::Artifact artifact, const std::string& into, const std::string& cache, const Open& open) {
  cli::complete_name(artifact);
  std::unique_ptr<cli::Progress> progress;
  const auto on_progress = [&](uint64_t bytes) {
    if (progress) progress->add(bytes);
  };
  const std::string what =
      artifact.repository + (artifact.registry.empty() ? "" : " of " + artifact.registry);
  const auto registry = open(artifact, {.attempts = kAttempts, .on_progress = on_progress});
  if (!registry) return refuse(base::within(what, registry.error()));
  const auto on_size = [&](uint64_t size) {
    progress = std::make_unique<cli::Progress>("fetching " + artifact.repository, size);
  };
  const auto folder = oci::deliver(**registry, artifact.repository, artifact.digest,
                                   {.into = into, .cache = cache, .warn = warn, .on_size = on_size});
  progress.reset();
  if (!folder) return refuse(base::within(what, folder.error()));
  std::printf("%s\n", folder->c_str());
  return cli::kSuccess;
}

}  // namespace

int fetch_artifact(const Arguments& arguments) {
  const std::string name = arguments.get("MODEL[:VERSION]");
  auto artifact = cli::parse_artifact(name);
  if (!artifact) return cli::complain(artifact.error().message), cli::kUsage;
  if (artifact->registry.empty()) artifact->registry = arguments.get("--registry");
  if (artifact->registry.empty())
    return cli::complain(fmt::format("{} names no registry; say --registry HOST:PORT", name)), cli::kUsage;
  if (!arguments.has("--into"))
    return cli::complain(fmt::format("{} is an artifact; say --into DIR", name)), cli::kUsage;
  return bring(std::move(*artifact), arguments.get("--into"), arguments.get("--cache"),
               [&](const cli::Artifact& of, oci::ClientOptions options) {
                 return cli::open_registry(of, cli::registry_access(arguments), std::move(options));
               });
}

int fetch_version(const Arguments& arguments, const cli::Platform& platform, cli::Artifact artifact) {
  const std::string into =
      arguments.has("--into") ? arguments.get("--into") : platform.data + "/models/files";
  return bring(std::move(artifact), into, arguments.get("--cache"),
               [&](const cli::Artifact& of, oci::ClientOptions options) {
                 return cli::registry_of(platform, of, arguments, std::move(options));
               });
}

}  // namespace slipway::app
