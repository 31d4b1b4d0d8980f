// `slipway up` and `slipway down`: the whole platform of one machine.
#include <unistd.h>

#include <cstdio>

#include <nlohmann/json.hpp>

#include "apps/slipway/commands.h"
#include "apps/slipway/listener.h"
#include "apps/slipway/signals.h"
#include "services/cli/platform.h"
#include "services/supervisor/supervisor.h"
#include "system/os/files.h"
#include "system/os/replace_file.h"
#include "system/runtime/log.h"
#include "values/json/document.h"

namespace slipway::app {
namespace {

using cli::Arguments;
using json::Document;
using namespace std::chrono_literals;

constexpr Duration kStartPatience = 60s;
constexpr Duration kStopPatience = 120s;
constexpr uint64_t kNoteLimit = 64 << 10;
constexpr const char* kSupervisorLog = "/logs/supervisor.log";

std::string note_of(const std::string& data) { return data + "/run/up.json"; }

// The admin listener beside: the next port, or none where the system picks ports.
std::string beside(const http::Address& address) {
  if (address.kind != http::Address::Kind::kTcp || address.port == 0) return {};
  http::Address next = address;
  ++next.port;
  return next.str();
}

Result<supervisor::Options> read_options(const Arguments& arguments) {
  supervisor::Options out{.data = cli::data_folder(arguments.get("--data")),
                          .program = os::program_folder() + "/slipway",
                          .listen = {},
                          .gateway_admin = arguments.get("--admin"),
                          .api = arguments.get("--api"),
                          .api_admin = arguments.get("--api-admin"),
                          .flags = {}};
  const auto listen = parse_listener(arguments, "--listen");
  if (!listen) return fail(listen.error());
  out.listen = *listen;
  const auto api = http::parse_address(out.api);
  if (!api) return fail(base::within("--api", api.error()));
  if (out.gateway_admin.empty()) out.gateway_admin = beside(*listen);
  if (out.api_admin.empty()) out.api_admin = beside(*api);
  if (arguments.has("--allow-plaintext")) out.flags.emplace_back("--allow-plaintext");
  return out;
}

// Where everything is, for people and for the next `up`.
Document note_about(const supervisor::Options& options, const http::Address& listening) {
  Document out{{"gateway", "http://" + listening.str()},
               {"data", options.data},
               {"kubeconfig", options.data + "/kubeconfig"},
               {"logs", options.data + "/logs"},
               {"asked", {{"listen", options.listen.str()}, {"api", options.api}}}};
  const std::vector<std::string> files{options.data + "/kubeconfig"};
  const auto access = kube::load_access(files, "");
  if (access) out["api"] = access->access.server;
  if (!options.gateway_admin.empty()) out["gatewayAdmin"] = "http://" + options.gateway_admin;
  if (!options.api_admin.empty()) out["controlAdmin"] = "http://" + options.api_admin;
  return out;
}

Result<Document> read_note(const std::string& data) {
  const auto text = os::read_file(note_of(data), kNoteLimit);
  if (!text) return fail(text.error());
  return json::parse_document(*text);
}

void show(const Document& note, const Arguments& arguments) {
  if (arguments.get("--output") == "json") {
    std::printf("%s\n", note.dump(2).c_str());
  } else {
    std::printf("gateway     %s\nAPI         %s\nkubeconfig  %s\nlogs        %s\n",
                json::text_of(note, "gateway").c_str(), json::text_of(note, "api").c_str(),
                json::text_of(note, "kubeconfig").c_str(), json::text_of(note, "logs").c_str());
  }
  std::fflush(stdout);
}

// Another `up` has the folder: what it says stands, unless other addresses were asked for.
int show_the_running(const supervisor::Options& options, const Arguments& arguments) {
  const auto note = read_note(options.data);
  if (!note)
    return cli::complain(
        fmt::format("another `slipway up` is just starting or stopping in {}; try again", options.data));
  const Document& asked = json::member(*note, "asked");
  for (const auto& [option, name, wanted] :
       {std::tuple{"--listen", "listen", options.listen.str()}, std::tuple{"--api", "api", options.api}})
    if (arguments.has(option) && arguments.get(option) != json::text_of(asked, name) &&
        wanted != json::text_of(asked, name))
      return cli::complain(
          fmt::format("the platform in {} runs already with {} {}; stop it first: slipway down", options.data,
                      option, json::text_of(asked, name)));
  if (arguments.get("--output") != "json") std::printf("Slipway runs already.\n");
  show(*note, arguments);
  return cli::kSuccess;
}

int run_here(supervisor::Options options, const Arguments& arguments) {
  const sigset_t signals = block_stop_signals();
  const runtime::RealClock clock;
  const std::string data = options.data;
  auto started = supervisor::Supervisor::start(options, clock);
  // A port that is in use is a conflict, too, but not one with another `up`.
  if (!started && os::lock_holder(supervisor::lock_of(data, "supervisor")))
    return show_the_running(options, arguments);
  if (!started) return cli::complain(started.error().message);
  supervisor::Supervisor& supervisor = **started;
  if (Status ready = supervisor.wait_ready(kStartPatience); !ready) {
    supervisor.stop();
    return cli::complain(ready.error().message);
  }
  const Document note = note_about(options, supervisor.listening());
  constexpr std::string_view kScheme = "https://";
  if (const std::string api = json::text_of(note, "api"); api.starts_with(kScheme))
    supervisor.keep_api_at(api.substr(kScheme.size()));
  if (Status written = os::replace_file(note_of(data), note.dump(2) + "\n", 0600); !written)
    runtime::log::warn("supervisor", "where everything is cannot be noted",
                       {{"error", written.error().message}});
  show(note, arguments);
  supervisor.wait(signals);
  runtime::log::info("supervisor", "stopping");
  supervisor.stop();
  return cli::kSuccess;
}

// The same program again, in a session of its own; until it says that all is ready.
int run_detached(const supervisor::Options& options, const Arguments& arguments) {
  const std::string lock = supervisor::lock_of(options.data, "supervisor");
  if (os::lock_holder(lock)) return show_the_running(options, arguments);
  if (Status made = os::make_folders(options.data + "/logs"); !made)
    return cli::complain(made.error().message);
  ::unlink(note_of(options.data).c_str());
  os::ProcessOptions process{.argv = {options.program, "up", "--data", options.data, "--listen",
                                      options.listen.str(), "--api", options.api},
                             .log = options.data + kSupervisorLog};
  for (const char* option : {"--admin", "--api-admin"})
    if (arguments.has(option)) process.argv.insert(process.argv.end(), {option, arguments.get(option)});
  process.argv.insert(process.argv.end(), options.flags.begin(), options.flags.end());
  auto child = os::Process::start(process);
  if (!child) return cli::complain(child.error().message);
  while (true) {
    if (const auto note = read_note(options.data)) return show(*note, arguments), cli::kSuccess;
    if (!child->end_within(10ms)) continue;
    supervisor::Part words({.name = "supervisor", .lock = lock, .admin = {}, .process = process});
    std::string last = words.last_words();
    if (last.starts_with("error: ")) last.erase(0, 7);
    return cli::complain(last.empty() ? "the supervisor ended at once; see " + process.log : last);
  }
}

int up(const Arguments& arguments) {
  auto options = read_options(arguments);
  if (!options) return cli::complain(options.error().message), cli::kUsage;
  return arguments.has("--detach") ? run_detached(*options, arguments)
                                   : run_here(std::move(*options), arguments);
}

int down(const Arguments& arguments) {
  const std::string data = cli::data_folder(arguments.get("--data"));
  auto holder = os::Process::adopt_holder(supervisor::lock_of(data, "supervisor"));
  if (holder) {
    std::fprintf(stderr, "stopping; what has begun is answered first\n");
    static_cast<void>(holder->signal(SIGTERM).has_value());
    if (!holder->end_within(kStopPatience))
      return cli::complain(fmt::format("the supervisor (process {}) does not end; see {}{}", holder->pid(),
                                       data, kSupervisorLog));
  }
  // Nothing is left after a supervisor; without one, what it left behind is ended here.
  const std::vector<std::string> ended = supervisor::end_all(data);
  if (!holder && ended.empty()) return std::printf("Nothing runs in %s.\n", data.c_str()), cli::kSuccess;
  std::printf("Stopped what ran in %s.\n", data.c_str());
  return cli::kSuccess;
}

cli::Option data_option() {
  return {.names = "--data",
          .value = "DIR",
          .help = "The data folder (default: $SLIPWAY_DATA, else $XDG_DATA_HOME/slipway)"};
}

}  // namespace

cli::Command up_command() {
  return {.name = "up",
          .summary = "Run the whole platform on this machine: control, gateway and what is deployed",
          .description =
              "Starts what does not run and finds what does. Starts control and gateway again when they end; "
              "keeps "
              "the gateway's\nsocket, so that nobody is refused meanwhile. Ctrl-C, or `slipway down`, stops "
              "all of it "
              "after what has begun is answered.",
          .options = {data_option(),
                      {.names = "-d,--detach",
                       .value = "",
                       .help = "Go on in the background, and return when all is ready"},
                      {.names = "-l,--listen",
                       .value = "ADDR",
                       .help = "Where the gateway answers predictions",
                       .fallback = "127.0.0.1:8080"},
                      {.names = "--admin",
                       .value = "ADDR",
                       .help = "Where the gateway answers probes and metrics (default: --listen's port + 1)"},
                      {.names = "--api",
                       .value = "ADDR",
                       .help = "Where control serves the API, for slipway and kubectl",
                       .fallback = "127.0.0.1:8090"},
                      {.names = "--api-admin",
                       .value = "ADDR",
                       .help = "Where control answers probes and metrics (default: --api's port + 1)"},
                      {.names = "--allow-plaintext",
                       .value = "",
                       .help = "Listen where other machines can reach it, without TLS"},
                      {.names = "-o,--output",
                       .value = "FORMAT",
                       .help = "text or json",
                       .fallback = "text",
                       .choices = {"text", "json"}}},
          .examples = {"slipway up", "slipway up --detach",
                       "slipway up --detach --listen 127.0.0.1:9000 --api 127.0.0.1:9010",
                       "slipway up --detach --data ./data --listen 127.0.0.1:0 --api 127.0.0.1:0 -o json"},
          .run = up};
}

cli::Command down_command() {
  return {
      .name = "down",
      .summary = "Stop what `slipway up` runs",
      .description = "Stops exactly what runs in the data folder; what was pushed and deployed stays there.",
      .options = {data_option()},
      .examples = {"slipway down", "slipway down --data ./data"},
      .run = down};
}

}  // namespace slipway::app
