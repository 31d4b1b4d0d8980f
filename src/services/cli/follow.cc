// A change of version, shown until it ends.
#include <charconv>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/rollout.h"
#include "services/cli/rollout_view.h"
#include "services/cli/screen.h"
#include "values/domain/units.h"

namespace slipway::cli {
namespace {

using domain::ModelDeployment;
using namespace std::chrono_literals;

constexpr Duration kTick = 1s;  // the elapsed time moves on, also while nothing changes

std::string elapsed_text(Duration elapsed) {
  return fmt::format("{:.1f}s", std::chrono::duration<double>(elapsed).count());
}

// The end of it, when it has ended: the exit code.
std::optional<int> ended(const ModelDeployment& deployment) {
  const std::string why = fmt::format("`slipway why {}` says more", deployment.name);
  switch (standing(deployment)) {
    case Standing::kComplete:
      return kSuccess;
    case Standing::kFailed:
      return complain(fmt::format("deployment {}: {}\n{}", deployment.name, cause_text(deployment), why));
    case Standing::kPaused:
      return complain(fmt::format("deployment {}: {}\n`slipway rollout resume {}` goes on", deployment.name,
                                  cause_text(deployment), deployment.name));
    default:
      return std::nullopt;
  }
}

class Follower {
 public:
  Follower(TimePoint began, const Waiting& waiting) : began_(began), as_json_(waiting.as_json) {}

  // On a terminal one block that changes; else one line for each change, or one document.
  void show(const ModelDeployment& deployment, TimePoint now, WallTime wall) {
    const std::string elapsed = elapsed_text(now - began_);
    if (is_terminal() && !as_json_)
      return screen_.show(fmt::format("{}elapsed {}\n", rollout_text(deployment, wall), elapsed));
    std::string line = as_json_ ? json::canonical(rollout_document(deployment)) : progress_line(deployment);
    if (line == last_) return;
    std::fputs(fmt::format("{}{}\n", as_json_ ? "" : fmt::format("{:>7}  ", elapsed), line).c_str(), stdout);
    std::fflush(stdout);
    last_ = std::move(line);
  }

 private:
  const TimePoint began_;
  const bool as_json_;
  Screen screen_;
  std::string last_;
};

}  // namespace

int follow_rollout(const Platform& platform, const std::string& name, const Waiting& waiting) {
  const runtime::RealClock clock;
  DeploymentWatch watch(platform, name);
  const TimePoint began = clock.now();
  Follower follower(began, waiting);
  std::optional<ModelDeployment> last;
  std::optional<TimePoint> end;
  if (waiting.timeout) end = began + *waiting.timeout;
  while (true) {
    auto next = watch.next(kTick);
    if (!next) return complain(next.error().message);
    if (*next) last = std::move(**next);
    if (last) follower.show(*last, clock.now(), clock.wall());
    if (const auto code = *next && last ? ended(*last) : std::nullopt) return *code;
    if (!end && last) end = began + longest_change(last->spec.rollout);
    if (end && clock.now() >= *end)
      return complain(fmt::format("deployment {}: not complete after {}: {}\n`slipway why {}` says more",
                                  name, domain::duration_text(*end - began),
                                  last ? cause_text(*last) : "control does not answer", name));
  }
}

std::vector<Option> wait_options() {
  return {{.names = "-w,--wait",
           .value = "",
           .help = "Show the change until it has ended (by itself on a terminal)"},
          {.names = "--no-wait", .value = "", .help = "Do not"},
          {.names = "--timeout",
           .value = "TIME",
           .help = "How long to wait at most: 90s, 10m (default: as long as the change may take)"}};
}

Result<Waiting> parse_waiting(const Arguments& arguments) {
  const bool as_json = arguments.get("--output") == "json";
  Waiting out{.wanted = arguments.has("--wait") || (is_terminal() && !arguments.has("--no-wait") && !as_json),
              .as_json = as_json,
              .timeout = {}};
  if (arguments.has("--wait") && arguments.has("--no-wait"))
    return fail(Code::kInvalid, "--wait and --no-wait: say one of them");
  if (!arguments.has("--timeout")) return out;
  const auto timeout = domain::parse_duration(arguments.get("--timeout"));
  if (!timeout) return fail(base::within("--timeout", timeout.error()));
  out.timeout = *timeout;
  return out;
}

Result<std::optional<int64_t>> parse_number(const Arguments& arguments, const char* option, Bounds bounds) {
  if (!arguments.has(option)) return std::optional<int64_t>();
  const std::string text = arguments.get(option);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < bounds.least || value > bounds.most)
    return fail(Code::kInvalid, "{} {}: want a number from {} to {}", option, text, bounds.least,
                bounds.most);
  return std::optional(value);
}

Positional deployment_name() { return {.name = "NAME", .help = "The deployment", .completes = "md"}; }

}  // namespace slipway::cli
