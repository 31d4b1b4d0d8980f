#include <unistd.h>

#include <charconv>
#include <cstdio>

#include "adapters/native/native.h"
#include "adapters/onnx/onnx.h"
#include "apps/slipway/commands.h"
#include "apps/slipway/listener.h"
#include "apps/slipway/signals.h"
#include "services/server/server.h"
#include "system/os/file_lock.h"
#include "system/runtime/cpus.h"
#include "system/runtime/log.h"
#include "values/domain/names.h"

namespace slipway::app {
namespace {

using cli::Arguments;
using namespace std::chrono_literals;

// 500ms, 2s, 5m; a bare number is seconds.
Result<Duration> parse_duration(const std::string& name, const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  const double scale = unit == "ms" ? 1e6 : unit == "s" || unit.empty() ? 1e9 : unit == "m" ? 60e9 : 0;
  if (error != std::errc{} || scale == 0 || number < 0 || number > 1e6)
    return fail(Code::kInvalid, "{} {}: want a time such as 500ms, 2s or 5m", name, text);
  return Duration(static_cast<int64_t>(number * scale));
}

Result<int> parse_number(const std::string& name, const std::string& text, int most) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1 || number > most)
    return fail(Code::kInvalid, "{} {}: want a number from 1 to {}", name, text, most);
  return number;
}

Result<int> parse_threads(const Arguments& arguments) {
  const std::string text = arguments.get("--threads");
  return text.empty() ? runtime::granted_cpus() : parse_number("--threads", text, 1024);
}

Status read_models(const Arguments& arguments, server::Options& options) {
  for (const std::string& text : arguments.all("--model")) {
    auto source = server::parse_model_source(text);
    if (!source) return fail(source.error());
    for (const server::ModelSource& other : options.models)
      if (other.name == source->name && other.version == source->version)
        return fail(Code::kInvalid, "model {} version {} is named twice", source->name, source->version);
    options.models.push_back(std::move(*source));
  }
  return ok();
}

// What a platform says of the one model that it has us serve.
Status read_revision(const Arguments& arguments, server::Options& options) {
  const std::string revision = arguments.get("--revision"), digest = arguments.get("--expect-digest");
  if (revision.empty() && digest.empty()) return ok();
  if (options.models.size() != 1)
    return fail(Code::kInvalid, "{} needs exactly one --model",
                revision.empty() ? "--expect-digest" : "--revision");
  if (!revision.empty())
    if (Status named = domain::check_name(revision); !named)
      return fail(base::within("--revision " + revision, named.error()));
  options.models[0].revision = revision;
  if (digest.empty()) return ok();
  const auto expected = Digest::parse(digest);
  if (!expected) return fail(base::within("--expect-digest", expected.error()));
  options.models[0].expected = *expected;
  return ok();
}

Status read_limits(const Arguments& arguments, server::Options& options) {
  if (const std::string text = arguments.get("--timeout"); !text.empty()) {
    const auto timeout = parse_duration("--timeout", text);
    if (!timeout) return fail(timeout.error());
    options.predict.run_time = *timeout;
  }
  if (const std::string text = arguments.get("--queue"); !text.empty()) {
    const auto queue = parse_number("--queue", text, 1'000'000);
    if (!queue) return fail(queue.error());
    options.queue = static_cast<size_t>(*queue);
  }
  return ok();
}

Result<server::Options> read_options(const Arguments& arguments) {
  server::Options options{.software_version = SLIPWAY_VERSION};
  if (Status models = read_models(arguments, options); !models) return fail(models.error());
  if (Status revision = read_revision(arguments, options); !revision) return fail(revision.error());
  if (Status limits = read_limits(arguments, options); !limits) return fail(limits.error());
  const auto listen = parse_listener(arguments, "--listen");
  if (!listen) return fail(listen.error());
  options.listen = *listen;
  if (arguments.has("--admin")) {
    const auto admin = parse_listener(arguments, "--admin");
    if (!admin) return fail(admin.error());
    options.admin = *admin;
  }
  const auto quiet = parse_duration("--drain-quiet", arguments.get("--drain-quiet"));
  const auto deadline = parse_duration("--drain-deadline", arguments.get("--drain-deadline"));
  if (!quiet || !deadline) return fail(!quiet ? quiet.error() : deadline.error());
  options.drain = {.quiet = *quiet, .deadline = *deadline};
  const auto threads = parse_threads(arguments);
  if (!threads) return fail(threads.error());
  options.loops = options.workers = *threads;
  return options;
}

// Answers until a signal, then until all is answered.
void answer(server::Server& server, const sigset_t& signals, const runtime::Clock& clock) {
  const std::string address = server.address().str();
  std::printf("serving on %s%s\n", address.starts_with("unix:") ? "" : "http://", address.c_str());
  std::fflush(stdout);
  while (!signal_within(signals, 1h)) {
  }
  server.begin_drain();
  while (!server.drain_step(clock.now()))
    if (signal_within(signals, 10ms)) {
      runtime::log::warn("server", "a second signal: ending at once");
      ::_exit(130);
    }
  server.stop();
  runtime::log::info("server", "all answered, ending");
}

// Nothing is answered yet, so a signal may end it at once, however long the loading would take.
Status load(server::Server& server, const sigset_t& signals) {
  const EndAtSignal until_loaded(signals);
  return server.load();
}

int serve(const Arguments& arguments) {
  auto options = read_options(arguments);
  if (!options) return cli::complain(options.error().message), cli::kUsage;
  std::optional<os::FileLock> lock;
  if (const std::string path = arguments.get("--lock"); !path.empty()) {
    auto taken = os::FileLock::take(path);
    // Whoever was first serves, and that is all that was wanted.
    if (!taken && taken.error().code == Code::kConflict) {
      runtime::log::info("server", "served by another process", {{"lock", taken.error().message}});
      return cli::kSuccess;
    }
    if (!taken) return cli::complain(taken.error().message);
    lock.emplace(std::move(*taken));
  }
  // Blocked before any thread starts, so that only this one takes them.
  const sigset_t signals = block_stop_signals();
  const runtime::RealClock clock;
  server::Server server(std::move(*options), all_backends(), clock);
  if (Status listening = server.listen(); !listening) return cli::complain(listening.error().message);
  if (Status loaded = load(server, signals); !loaded) {
    server.stop();  // nothing may be written after the reason
    return cli::complain(loaded.error().message), cli::kUnservable;
  }
  answer(server, signals, clock);
  return cli::kSuccess;
}

}  // namespace

server::Backends all_backends() {
  server::Backends backends;
  backends.emplace("native", std::make_unique<native::NativeBackend>());
  backends.emplace("onnx", std::make_unique<onnx::OnnxBackend>());
  return backends;
}

cli::Command serve_command() {
  return {
      .name = "serve",
      .summary = "Serve model files over the Open Inference Protocol",
      .description =
          "Serves XGBoost (JSON, UBJSON), LightGBM (text) and ONNX models. ADDR is HOST:PORT, unix:PATH "
          "or fd:N. Ends on\n"
          "SIGTERM after everything is answered; a second signal ends at once. Without --admin the paths "
          "/startupz /readyz\n"
          "/livez /metrics /observed stand on the main listener. Ends with 3 when a model cannot be "
          "served.",
      .options =
          {{.names = "-m,--model",
            .value = "NAME[:VERSION]=PATH",
            .help = "A model file or folder, and the name to serve it under; may be repeated",
            .times = cli::Times::kAnyNumber},
           {.names = "-l,--listen", .value = "ADDR", .help = "Where to listen", .fallback = "127.0.0.1:8080"},
           {.names = "--admin",
            .value = "ADDR",
            .help = "Where probes and metrics are answered, on a thread of their own"},
           {.names = "--threads",
            .value = "N",
            .help = "Threads that read, run and answer (default: the CPUs that were granted)"},
           {.names = "--timeout",
            .value = "TIME",
            .help = "A request's deadline, from its arrival (default: 10s)"},
           {.names = "--queue", .value = "N", .help = "Requests that may wait for a thread (default: 256)"},
           {.names = "--revision",
            .value = "NAME",
            .help = "What answers call the one model (default: NAME-VERSION-DIGEST)"},
           {.names = "--expect-digest",
            .value = "sha256:HEX",
            .help = "Serve the one model only if this is its digest"},
           {.names = "--lock",
            .value = "FILE",
            .help = "Hold this file's lock; end with success if another process has it"},
           {.names = "--drain-quiet",
            .value = "TIME",
            .help = "How long no request must have come before the listener closes",
            .fallback = "0s"},
           {.names = "--drain-deadline",
            .value = "TIME",
            .help = "How long to go on answering at most",
            .fallback = "30s"},
           {.names = "--allow-plaintext",
            .value = "",
            .help = "Listen where other machines can reach it, without TLS"}},
      .examples = {"slipway serve --model credit=model.json",
                   "slipway serve --model credit:3=credit.ubj --model digits=digits.onnx --listen "
                   "127.0.0.1:9000 --admin 127.0.0.1:9001",
                   "slipway serve --model credit=model.txt --listen unix:/run/credit.sock"},
      .run = serve};
}

}  // namespace slipway::app
