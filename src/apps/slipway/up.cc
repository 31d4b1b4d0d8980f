// `slipway up` and `slipway down`: the whole platform of one machine.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>

#include "apps/slipway/commands.h"
#include "apps/slipway/listener.h"
#include "apps/slipway/signals.h"
#include "services/cli/platform.h"
#include "services/supervisor/supervisor.h"
#include "services/supervisor/where.h"
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
constexpr Duration kLook = 10ms;
constexpr uint64_t kNoteLimit = 64 << 10;
constexpr const char* kSupervisorLog = "/logs/supervisor.log";
constexpr const char* kListen = "127.0.0.1:8080";
constexpr const char* kApi = "127.0.0.1:8090";

// The parts outlive the folder that we were started in.
std::string folder_of(const Arguments& arguments) {
  const std::string data = cli::data_folder(arguments.get("--data"));
  std::error_code error;
  const auto path = std::filesystem::absolute(data, error).lexically_normal();
  std::string out = error ? data : path.string();
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

std::string note_of(const std::string& data) { return data + "/run/up.json"; }

// The admin listener beside: the next port, or none where the system picks ports.
std::string beside(const http::Address& address) {
  if (address.kind != http::Address::Kind::kTcp || address.port == 0) return {};
  http::Address next = address;
  ++next.port;
  return next.str();
}

Result<supervisor::Options> read_options(const Arguments& arguments) {
  const auto or_else = [&](const char* option, const char* fallback) {
    return arguments.has(option) ? arguments.get(option) : std::string(fallback);
  };
  supervisor::Options out{.data = folder_of(arguments),
                          .program = os::program_folder() + "/slipway",
                          .listen = {},
                          .gateway_admin = arguments.get("--admin"),
                          .api = or_else("--api", kApi),
                          .api_admin = arguments.get("--api-admin"),
                          .told = {},
                          .flags = {}};
  if (arguments.has("--listen")) out.where = supervisor::Options::Where::kThere;
  auto listen =
      arguments.has("--listen") ? parse_listener(arguments, "--listen") : http::parse_address(kListen);
  if (!listen) return fail(listen.error());
  out.listen = std::move(*listen);
  const auto api = http::parse_address(out.api);
  if (!api) return fail(base::within("--api", api.error()));
  for (const char* admin : {"--admin", "--api-admin"})
    if (const auto address = parse_listener(arguments, admin); arguments.has(admin) && !address)
      return fail(address.error());
  if (out.gateway_admin.empty()) out.gateway_admin = beside(out.listen);
  if (out.api_admin.empty()) out.api_admin = beside(*api);
  if (arguments.has("--allow-plaintext")) out.flags.emplace_back("--allow-plaintext");
  return out;
}

Result<Document> read_note(const std::string& data) {
  const auto text = os::read_file(note_of(data), kNoteLimit);
  if (!text) return fail(text.error());
  return json::parse_document(*text);
}

// What a supervisor that is ready says of itself; not what an earlier one said.
std::optional<Document> note_by(pid_t supervisor, const std::string& data) {
  auto note = read_note(data);
  const Document& pid = note ? json::member(*note, "pid") : json::member({}, "pid");
  if (!pid.is_number_integer() || pid.get<int64_t>() != supervisor) return std::nullopt;
  return std::move(*note);
}

// HOST:PORT of the API, as control says.
std::string api_of(const std::string& data) {
  constexpr std::string_view kScheme = "https://";
  const std::vector<std::string> files{data + "/kubeconfig"};
  const auto access = kube::load_access(files, "");
  if (!access || !access->access.server.starts_with(kScheme)) return {};
  return access->access.server.substr(kScheme.size());
}

// Where everything is, for people and for the next `up`. What was found running is where it was before.
Document note_about(const supervisor::Options& options, const supervisor::Supervisor& supervisor,
                    const Document& before) {
  Document out{{"pid", ::getpid()},
               {"gateway", supervisor::url_of(supervisor.listening())},
               {"api", "https://" + api_of(options.data)},
               {"data", options.data},
               {"kubeconfig", options.data + "/kubeconfig"},
               {"logs", options.data + "/logs"}};
  const auto admin = [&](const char* name, bool found, const std::string& asked) {
    const std::string url = found ? json::text_of(before, name) : asked.empty() ? asked : "http://" + asked;
    if (!url.empty()) out[name] = url;
  };
  admin("gatewayAdmin", supervisor.found_gateway(), options.gateway_admin);
  admin("controlAdmin", supervisor.found_control(), options.api_admin);
  return out;
}

void show(const Document& note, const Arguments& arguments) {
  if (arguments.get("--output") == "json") {
    std::printf("%s\n", note.dump(2).c_str());
  } else {
    for (const auto& [title, name] : {std::pair{"gateway", "gateway"},
                                      {"API", "api"},
                                      {"kubeconfig", "kubeconfig"},
                                      {"data", "data"},
                                      {"logs", "logs"}})
      std::printf("%-10s  %s\n", title, json::text_of(note, name).c_str());
  }
  std::fflush(stdout);
}

// Empty, or why what runs is not what was asked for.
std::string other_address(const std::string& option, const std::string& asked, const std::string& actual) {
  const auto wanted = http::parse_address(asked), there = http::parse_address(actual);
  if (!wanted || !there || supervisor::is_at(*wanted, *there)) return {};
  return fmt::format("{} is at {}, not at {}; stop it first: slipway down",
                     option == "--api" ? "the API that runs" : "the gateway that runs", actual, asked);
}

std::string other_addresses(const Document& note, const Arguments& arguments) {
  for (const auto& [option, name] : {std::pair{"--listen", "gateway"}, {"--api", "api"}}) {
    const std::string url = json::text_of(note, name);
    const size_t scheme = url.find("://");
    if (!arguments.has(option)) continue;
    std::string other = other_address(option, arguments.get(option),
                                      scheme == std::string::npos ? url : url.substr(scheme + 3));
    if (!other.empty()) return other;
  }
  return {};
}

// Another `up` has the folder: what it says stands, once it says it, unless other addresses were asked for.
int show_the_running(const supervisor::Options& options, const Arguments& arguments) {
  const std::string lock = supervisor::lock_of(options.data, "supervisor");
  auto holder = os::Process::adopt_holder(lock);
  const runtime::RealClock clock;
  for (const TimePoint deadline = clock.now() + kStartPatience; holder && clock.now() < deadline;) {
    const auto note = note_by(holder->pid(), options.data);
    if (!note && holder->end_within(kLook)) break;
    if (!note) continue;
    if (const std::string other = other_addresses(*note, arguments); !other.empty())
      return cli::complain(fmt::format("{}: {}", options.data, other));
    if (arguments.get("--output") != "json") std::printf("Slipway runs already.\n");
    return show(*note, arguments), cli::kSuccess;
  }
  return cli::complain(fmt::format(
      "another `slipway up` in {} has just ended, or does not get ready; try again", options.data));
}

int run_here(supervisor::Options options, const Arguments& arguments) {
  const sigset_t signals = block_stop_signals();
  const runtime::RealClock clock;
  const std::string data = options.data;
  const Document before = read_note(data).value_or(Document::object());
  options.told = json::text_of(before, "gateway");
  if (arguments.has("--api") && os::lock_holder(supervisor::lock_of(data, "control")))
    if (const std::string other = other_address("--api", options.api, api_of(data)); !other.empty())
      return cli::complain(fmt::format("{}: {}", data, other));
  if (Status prepared = supervisor::prepare(data); !prepared) return cli::complain(prepared.error().message);
  auto lock = os::FileLock::take(supervisor::lock_of(data, "supervisor"));
  if (!lock && lock.error().code == Code::kConflict) return show_the_running(options, arguments);
  if (!lock) return cli::complain(lock.error().message);
  auto started = supervisor::Supervisor::start(options, std::move(*lock), clock);
  if (!started) return cli::complain(started.error().message);
  supervisor::Supervisor& supervisor = **started;
  if (Status ready = supervisor.wait_ready(kStartPatience, signals); !ready) {
    supervisor.undo();
    return cli::complain(ready.error().message);
  }
  supervisor.keep_api_at(api_of(data));
  const Document note = note_about(options, supervisor, before);
  if (Status written = os::replace_file(note_of(data), note.dump(2) + "\n", 0600); !written) {
    supervisor.undo();
    return cli::complain(written.error().message);
  }
  show(note, arguments);
  supervisor.wait(signals);
  runtime::log::info("supervisor", "stopping");
  supervisor.stop();
  return cli::kSuccess;
}

os::ProcessOptions in_background(const supervisor::Options& options, const Arguments& arguments) {
  os::ProcessOptions out{.argv = {options.program, "up", "--data", options.data},
                         .log = options.data + kSupervisorLog};
  for (const char* option : {"--listen", "--api", "--admin", "--api-admin"})
    if (arguments.has(option)) out.argv.insert(out.argv.end(), {option, arguments.get(option)});
  out.argv.insert(out.argv.end(), options.flags.begin(), options.flags.end());
  return out;
}

// The same program again, in a session of its own; until it says that all is ready.
int run_detached(const supervisor::Options& options, const Arguments& arguments) {
  if (os::lock_holder(supervisor::lock_of(options.data, "supervisor")))
    return show_the_running(options, arguments);
  if (Status prepared = supervisor::prepare(options.data); !prepared)
    return cli::complain(prepared.error().message);
  const os::ProcessOptions process = in_background(options, arguments);
  const uint64_t logged = supervisor::make_room(process.log);
  auto child = os::Process::start(process);
  if (!child) return cli::complain(child.error().message);
  while (true) {
    if (const auto note = note_by(child->pid(), options.data)) return show(*note, arguments), cli::kSuccess;
    const auto end = child->end_within(kLook);
    if (!end) continue;
    // With success: another was faster.
    if (*end == os::ProcessEnd{.kind = os::ProcessEnd::Kind::kExited, .number = cli::kSuccess})
      return show_the_running(options, arguments);
    return cli::complain(supervisor::last_words(process.log, logged));
  }
}

int up(const Arguments& arguments) {
  auto options = read_options(arguments);
  if (!options) return cli::complain(options.error().message), cli::kUsage;
  return arguments.has("--detach") ? run_detached(*options, arguments)
                                   : run_here(std::move(*options), arguments);
}

void say_ended(const std::string& what) { std::fprintf(stderr, "%s ended\n", what.c_str()); }

// Asks the supervisor, and says what ends meanwhile.
Status end_supervisor(os::Process& supervisor, const std::string& data) {
  std::vector<supervisor::Running> parts = supervisor::running_in(data);
  static_cast<void>(supervisor.signal(SIGTERM).has_value());
  const runtime::RealClock clock;
  const TimePoint deadline = clock.now() + kStopPatience;
  while (true) {
    const bool all = supervisor.end_within(kLook).has_value();
    std::erase_if(parts, [](supervisor::Running& each) {
      const bool ended = each.process.end().has_value();
      if (ended) say_ended(supervisor::text_of(each));
      return ended;
    });
    if (all) return ok();
    if (clock.now() >= deadline)
      return fail(Code::kTimeout, "the supervisor (process {}) does not end; see {}{}", supervisor.pid(),
                  data, kSupervisorLog);
  }
}

int down(const Arguments& arguments) {
  const std::string data = folder_of(arguments);
  const std::string lock = supervisor::lock_of(data, "supervisor");
  // Ours, or somebody's: no `up` begins while we look. Ours is not asked for: that would drop it.
  const auto ours = os::FileLock::take(lock);
  auto holder = ours ? std::nullopt : os::Process::adopt_holder(lock);
  const bool something = holder || !supervisor::running_in(data).empty();
  if (something) std::fprintf(stderr, "stopping; what has begun is answered first\n");
  if (holder)
    if (Status ended = end_supervisor(*holder, data); !ended) return cli::complain(ended.error().message);
  // Nothing is left after a supervisor that ended well; what another one left behind is ended here, and the
  // sockets of a machine that was switched off go.
  supervisor::end_all(data, say_ended);
  std::printf(something ? "Stopped what ran in %s.\n" : "Nothing runs in %s.\n", data.c_str());
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
          .options =
              {data_option(),
               {.names = "-d,--detach",
                .value = "",
                .help = "Go on in the background, and return when all is ready"},
               {.names = "-l,--listen",
                .value = "ADDR",
                .help = "Where the gateway answers predictions (default: where it is, else 127.0.0.1:8080)"},
               {.names = "--admin",
                .value = "ADDR",
                .help = "Where the gateway answers probes and metrics (default: --listen's port + 1)"},
               {.names = "--api",
                .value = "ADDR",
                .help = "Where control serves the API, for slipway and kubectl (default: where it is, else "
                        "127.0.0.1:8090)"},
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
