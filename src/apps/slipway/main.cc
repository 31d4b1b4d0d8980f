#include <cstdio>
#include <cstdlib>

#include "apps/slipway/commands.h"
#include "services/cli/apply.h"
#include "services/cli/contexts.h"
#include "services/cli/deploy.h"
#include "services/cli/get.h"
#include "services/cli/install.h"
#include "services/cli/logs.h"
#include "services/cli/models.h"
#include "services/cli/predict.h"
#include "services/cli/rollout.h"
#include "services/cli/status.h"
#include "services/cli/why.h"
#include "system/runtime/log.h"

namespace {

using slipway::cli::Arguments;
using slipway::cli::Command;

Command version_command() {
  return {.name = "version",
          .summary = "Show this program's version",
          .options = {{.names = "-o,--output",
                       .value = "FORMAT",
                       .help = "text or json",
                       .fallback = "text",
                       .choices = {"text", "json"}}},
          .examples = {"slipway version", "slipway version -o json"},
          .run = [](const Arguments& arguments) {
            const bool json = arguments.get("--output") == "json";
            std::printf(json ? "{\"version\":\"%s\"}\n" : "slipway %s\n", SLIPWAY_VERSION);
            return static_cast<int>(slipway::cli::kSuccess);
          }};
}

Command completion_command(const std::vector<Command>& commands) {
  return {.name = "completion",
          .summary = "Print the completion script for a shell",
          .positionals = {{.name = "SHELL", .help = "bash, zsh or fish"}},
          .examples = {"source <(slipway completion bash)", "slipway completion fish | source"},
          .run = [&commands](const Arguments& arguments) {
            const auto script = slipway::cli::completion(arguments.get("SHELL"), commands);
            if (!script) return slipway::cli::complain(script.error().message);
            std::fputs(script->c_str(), stdout);
            return static_cast<int>(slipway::cli::kSuccess);
          }};
}

}  // namespace

int main(int argc, char** argv) {
  // Before there are threads: ONNX Runtime's newer versions phone home unless this stands in the environment.
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 0);
  slipway::runtime::log::start(slipway::runtime::log::Level::kInfo);
  namespace app = slipway::app;
  namespace cli = slipway::cli;
  std::vector<Command> commands{
      app::up_command(),       app::down_command(),       app::control_command(), cli::push_command(),
      cli::pull_command(),     app::fetch_command(),      app::verify_command(),  cli::get_command(),
      cli::describe_command(), cli::events_command(),     cli::apply_command(),   cli::diff_command(),
      cli::delete_command(),   cli::kubeconfig_command(), cli::deploy_command(),  cli::rollout_command(),
      cli::scale_command(),    cli::logs_command(),       cli::status_command(),  cli::why_command(),
      app::serve_command(),    app::gateway_command(),    cli::predict_command(), cli::port_forward_command(),
      cli::context_command(),  app::inspect_command(),    version_command()};
  commands.insert(commands.end() - 1, {cli::install_command(SLIPWAY_VERSION), cli::uninstall_command()});
  commands.push_back(completion_command(commands));
  const int code = slipway::cli::run(commands, std::vector<std::string>(argv + 1, argv + argc));
  // A full disk behind standard output must not look like success.
  if (std::fflush(stdout) != 0 && code == slipway::cli::kSuccess)
    return slipway::cli::complain("standard output cannot be written to");
  return code;
}
