#include "services/cli/deploy.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/models.h"
#include "services/cli/rollout.h"
#include "services/cli/rollout_view.h"
#include "values/domain/units.h"

namespace slipway::cli {
namespace {

using domain::ModelDeployment;
using domain::RolloutStep;
using domain::Strategy;
using json::Document;

constexpr size_t kMaxSteps = 20;

Result<RolloutStep> parse_step(std::string_view text) {
  RolloutStep out;
  const size_t colon = text.find(':');
  const std::string_view weight = text.substr(0, colon);
  const auto [end, error] = std::from_chars(weight.data(), weight.data() + weight.size(), out.weight);
  if (colon == std::string_view::npos || error != std::errc{} || end != weight.data() + weight.size() ||
      out.weight < 1 || out.weight > 99)
    return fail(Code::kInvalid, "--steps {}: want PERCENT:TIME with 1 to 99 percent, such as 10:5m", text);
  const auto hold = domain::parse_duration(text.substr(colon + 1));
  if (!hold) return fail(base::within("--steps", hold.error()));
  out.hold = *hold;
  return out;
}

Status parse_rollout(const Arguments& arguments, Wish& out) {
  if (arguments.has("--strategy"))
    out.strategy = arguments.get("--strategy") == "canary" ? Strategy::kCanary : Strategy::kImmediate;
  if (arguments.has("--steps")) {
    if (out.strategy == Strategy::kImmediate)
      return fail(Code::kInvalid, "--steps belong to --strategy canary");
    auto steps = parse_steps(arguments.get("--steps"));
    if (!steps) return fail(steps.error());
    out.steps = std::move(*steps);
    out.strategy = Strategy::kCanary;
  }
  if (!arguments.has("--keep")) return ok();
  const auto keep = domain::parse_duration(arguments.get("--keep"));
  if (!keep) return fail(base::within("--keep", keep.error()));
  out.keep = *keep;
  return ok();
}

// Which model, and which of its versions. kNotFound says what there is.
Status resolve(const Platform& platform, const ModelDeployment* before, Wish& wish) {
  if (wish.model.empty()) wish.model = before ? before->spec.model : wish.name;
  const auto version = find_version(platform, {.model = wish.model, .version = wish.version});
  if (!version) {
    const bool unknown = version.error().code == Code::kNotFound && !wish.version;
    return fail(version.error().code, "{}{}", version.error().message,
                unknown ? fmt::format("; `slipway push FILE --name {}` makes one", wish.model) : "");
  }
  wish.version = version->version;
  return ok();
}

enum class Outcome : uint8_t { kCreated, kConfigured, kUnchanged };

struct Deployed {
  Outcome outcome;
  ModelDeployment deployment;
};

Result<Deployed> create(const Platform& platform, kube::Client& client, const Wish& wish) {
  const Document object{{"apiVersion", domain::api_version(domain::Kind::kModelDeployment)},
                        {"kind", "ModelDeployment"},
                        {"metadata", {{"name", wish.name}}},
                        {"spec", spec_patch(wish, nullptr)}};
  const auto made =
      client.create(resource_of(domain::Kind::kModelDeployment), platform.access.ns, json::canonical(object));
  if (!made) return fail(made.error().error.code, "{}", platform.explain(made.error()));
  auto deployment = parse_deployment(made->json);
  if (!deployment) return fail(deployment.error());
  return Deployed{Outcome::kCreated, std::move(*deployment)};
}

Result<Deployed> configure(const Platform& platform, kube::Client& client, const Wish& wish,
                           const ModelDeployment& before) {
  const Document patch{{"spec", spec_patch(wish, &before)}};
  auto after = patch_deployment(platform, client, wish.name, patch);
  if (!after) return fail(after.error());
  const bool same = after->generation == before.generation;
  return Deployed{same ? Outcome::kUnchanged : Outcome::kConfigured, std::move(*after)};
}

std::string outcome_text(const Deployed& deployed, const ModelDeployment* before) {
  constexpr const char* kWords[] = {"created", "configured", "unchanged"};
  const ModelDeployment& now = deployed.deployment;
  const bool changed = before && before->spec.version != now.spec.version;
  return fmt::format("modeldeployment/{} {}: {}:{}{}, {} replica{}", now.name,
                     kWords[static_cast<int>(deployed.outcome)], now.spec.model, now.spec.version,
                     changed ? fmt::format(" instead of {}", before->spec.version) : "", now.spec.replicas,
                     now.spec.replicas == 1 ? "" : "s");
}

int deploy(const Arguments& arguments) {
  auto wish = parse_wish(arguments);
  if (!wish) return complain(wish.error().message), kUsage;
  const auto waiting = parse_waiting(arguments);
  if (!waiting) return complain(waiting.error().message), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto client = platform->client();
  const auto found = find_deployment(*platform, *client, wish->name);
  if (!found && found.error().code != Code::kNotFound) return complain(found.error().message);
  const ModelDeployment* before = found ? &*found : nullptr;
  if (Status resolved = resolve(*platform, before, *wish); !resolved)
    return complain(resolved.error().message);
  const auto deployed =
      before ? configure(*platform, *client, *wish, *before) : create(*platform, *client, *wish);
  if (!deployed) return complain(deployed.error().message);
  if (waiting->as_json && !waiting->wanted) {
    std::printf("%s\n", rollout_document(deployed->deployment).dump(2).c_str());
    return kSuccess;
  }
  if (!waiting->as_json) std::printf("%s\n", outcome_text(*deployed, before).c_str());
  std::fflush(stdout);
  return waiting->wanted ? follow_rollout(*platform, wish->name, *waiting) : kSuccess;
}

}  // namespace

Result<std::vector<RolloutStep>> parse_steps(const std::string& text) {
  std::vector<RolloutStep> out;
  for (std::string_view rest = text;;) {
    const size_t comma = std::min(rest.find(','), rest.size());
    auto step = parse_step(rest.substr(0, comma));
    if (!step) return fail(step.error());
    if (!out.empty() && step->weight <= out.back().weight)
      return fail(Code::kInvalid, "--steps {}: the weights must rise", text);
    out.push_back(*step);
    if (out.size() > kMaxSteps) return fail(Code::kInvalid, "--steps: at most {} steps", kMaxSteps);
    if (comma == rest.size()) return out;
    rest.remove_prefix(comma + 1);
  }
}

Result<Wish> parse_wish(const Arguments& arguments) {
  Wish out{.name = arguments.get("NAME"),
           .model = arguments.get("--model"),
           .version = {},
           .replicas = {},
           .strategy = {},
           .steps = {},
           .keep = {}};
  const auto version = parse_number(arguments, "--version", {1, 999'999'999});
  if (!version) return fail(version.error());
  const auto replicas = parse_number(arguments, "--replicas", {0, 1'000});
  if (!replicas) return fail(replicas.error());
  out.version = *version;
  out.replicas = *replicas;
  if (Status rollout = parse_rollout(arguments, out); !rollout) return fail(rollout.error());
  return out;
}

Document spec_patch(const Wish& wish, const ModelDeployment* before) {
  Document spec{{"model", wish.model}, {"version", wish.version.value_or(1)}};
  if (wish.replicas) spec["replicas"] = *wish.replicas;
  Document rollout = Document::object();
  if (wish.strategy) rollout["strategy"] = *wish.strategy == Strategy::kCanary ? "canary" : "immediate";
  for (const RolloutStep& step : wish.steps)
    rollout["steps"].push_back({{"weight", step.weight}, {"hold", domain::duration_text(step.hold)}});
  // Steps belong to canary: those of before would make the change invalid.
  if (wish.strategy == Strategy::kImmediate && before && !before->spec.rollout.steps.empty())
    rollout["steps"] = nullptr;
  if (wish.keep) rollout["keep"] = domain::duration_text(*wish.keep);
  if (!rollout.empty()) spec["rollout"] = std::move(rollout);
  return spec;
}

Command deploy_command() {
  std::vector<Option> options{
      {.names = "--model", .value = "MODEL", .help = "The model (default: the deployment's, else its name)"},
      {.names = "--version", .value = "N", .help = "The version that serves (default: the highest)"},
      {.names = "--replicas", .value = "N", .help = "How many replicas serve"},
      {.names = "--strategy",
       .value = "HOW",
       .help = "How a new version gets the requests: all at once, or step by step",
       .choices = {"immediate", "canary"}},
      {.names = "--steps",
       .value = "PERCENT:TIME,…",
       .help = "Of canary: the new version's weights, and how long each is held"},
      {.names = "--keep", .value = "TIME", .help = "How long the old version stays warm for a way back"},
      {.names = "-o,--output",
       .value = "FORMAT",
       .help = "text or json",
       .fallback = "text",
       .choices = {"text", "json"}}};
  for (Option& option : wait_options()) options.push_back(std::move(option));
  return {
      .name = "deploy",
      .summary = "Serve a version of a model, or change what is served",
      .description =
          "Makes the ModelDeployment NAME, or changes the one there is: what is not named stays as it is. "
          "Without --version\n"
          "the highest version serves. With --wait, and on a terminal, it shows the change as it goes, and "
          "ends with 1 and the\n"
          "cause when it failed; the version that served before serves on then.",
      .positionals = {deployment_name()},
      .options = with_platform(std::move(options)),
      .examples = {"slipway deploy credit", "slipway deploy credit --version 4 --replicas 2 --wait",
                   "slipway deploy scoring --model credit --strategy canary --steps 1:2m,10:5m,50:5m"},
      .run = deploy};
}

}  // namespace slipway::cli
