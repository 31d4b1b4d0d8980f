#include "services/cli/rollout.h"

#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/rollout_view.h"

namespace slipway::cli {
namespace {

using domain::ModelDeployment;
using json::Document;

constexpr Bounds kVersions{1, 999'999'999}, kReplicas{0, 1'000};

// What an action works on.
struct Target {
  const Arguments& arguments;
  const Platform& platform;
  kube::Client& client;
  ModelDeployment deployment;
};

int print_document(const Document& document) {
  std::printf("%s\n", document.dump(2, ' ', false, Document::error_handler_t::replace).c_str());
  return kSuccess;
}

int status(const Target& target) {
  const auto waiting = parse_waiting(target.arguments);
  if (!waiting) return complain(waiting.error().message), kUsage;
  if (target.arguments.has("--wait"))
    return follow_rollout(target.platform, target.deployment.name, *waiting);
  if (waiting->as_json) return print_document(rollout_document(target.deployment));
  std::fputs(rollout_text(target.deployment, runtime::RealClock().wall()).c_str(), stdout);
  return kSuccess;
}

// Writes the patch, says so, and stays to watch what becomes of it when that is wanted.
int change(const Target& target, const Document& spec, const std::string& says) {
  const auto waiting = parse_waiting(target.arguments);
  if (!waiting) return complain(waiting.error().message), kUsage;
  const auto changed =
      patch_deployment(target.platform, target.client, target.deployment.name, Document{{"spec", spec}});
  if (!changed) return complain(changed.error().message);
  if (waiting->as_json && !waiting->wanted) return print_document(rollout_document(*changed));
  if (!waiting->as_json) std::printf("%s\n", says.c_str());
  std::fflush(stdout);
  return waiting->wanted ? follow_rollout(target.platform, target.deployment.name, *waiting) : kSuccess;
}

int pause(const Target& target) {
  const std::string& name = target.deployment.name;
  if (target.deployment.spec.rollout.paused)
    return std::printf("%s is paused already\n", name.c_str()), kSuccess;
  const auto paused = patch_deployment(target.platform, target.client, name,
                                       Document{{"spec", {{"rollout", {{"paused", true}}}}}});
  if (!paused) return complain(paused.error().message);
  std::printf("%s paused: a change stays where it is until `slipway rollout resume %s`\n", name.c_str(),
              name.c_str());
  return kSuccess;
}

int resume(const Target& target) {
  const std::string& name = target.deployment.name;
  if (!target.deployment.spec.rollout.paused)
    return std::printf("%s is not paused\n", name.c_str()), kSuccess;
  return change(target, {{"rollout", {{"paused", false}}}}, name + " resumed");
}

int rollback(const Target& target) {
  const auto to = parse_number(target.arguments, "--to", kVersions);
  if (!to) return complain(to.error().message), kUsage;
  if (*to) {
    const auto versions = list_versions(target.platform, target.client);
    if (!versions) return complain(versions.error().message);
    const bool there = std::ranges::any_of(*versions, [&](const domain::ModelVersion& each) {
      return each.model == target.deployment.spec.model && each.version == **to;
    });
    if (!there)
      return complain(fmt::format("there is no version {} of {}; `slipway get mv` lists what there is", **to,
                                  target.deployment.spec.model));
  }
  const auto back = plan_way_back(target.deployment, *to);
  if (!back) return complain(back.error().message);
  return change(target, {{"version", back->version}}, back->text);
}

struct Action {
  const char* name;
  int (*run)(const Target& target);
};
constexpr std::array<Action, 4> kActions{
    {{"status", status}, {"pause", pause}, {"resume", resume}, {"rollback", rollback}}};

int rollout(const Arguments& arguments) {
  const std::string wanted = arguments.get("ACTION");
  const Action* action = nullptr;
  std::vector<std::string> names;
  for (const Action& each : kActions) {
    if (wanted == each.name) action = &each;
    names.emplace_back(each.name);
  }
  if (!action) {
    const std::string meant = suggest(wanted, names);
    complain(fmt::format("unknown action '{}'{}", wanted,
                         meant.empty() ? "; it is one of status, pause, resume, rollback"
                                       : fmt::format("; did you mean '{}'?", meant)));
    return kUsage;
  }
  if (arguments.has("--to") && wanted != "rollback") return complain("--to is of rollback alone"), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto client = platform->client();
  auto deployment = find_deployment(*platform, *client, arguments.get("NAME"));
  if (!deployment) return complain(deployment.error().message);
  return action->run({arguments, *platform, *client, std::move(*deployment)});
}

int scale(const Arguments& arguments) {
  const auto replicas = parse_number(arguments, "--replicas", kReplicas);
  if (!replicas) return complain(replicas.error().message), kUsage;
  const auto waiting = parse_waiting(arguments);
  if (!waiting) return complain(waiting.error().message), kUsage;
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto client = platform->client();
  const auto before = find_deployment(*platform, *client, arguments.get("NAME"));
  if (!before) return complain(before.error().message);
  const std::string text = json::canonical(Document{{"spec", {{"replicas", **replicas}}}});
  const auto scaled = client->patch(
      {resource_of(domain::Kind::kModelDeployment), platform->access.ns, before->name},
      {.kind = kube::PatchKind::kMerge, .json = text}, {.subresource = kube::Subresource::kScale});
  if (!scaled) return complain(platform->explain(scaled.error()));
  if (waiting->as_json && !waiting->wanted) {
    const auto document = json::parse_document(scaled->json);
    return document ? print_document(*document) : complain(document.error().message);
  }
  if (!waiting->as_json)
    std::printf("%s scaled from %d to %lld\n", before->name.c_str(), before->spec.replicas,
                static_cast<long long>(**replicas));
  std::fflush(stdout);
  return waiting->wanted ? follow_rollout(*platform, before->name, *waiting) : kSuccess;
}

Option text_or_json() {
  return {.names = "-o,--output",
          .value = "FORMAT",
          .help = "text or json",
          .fallback = "text",
          .choices = {"text", "json"}};
}

std::vector<Option> with_waiting(std::vector<Option> own) {
  for (Option& option : wait_options()) own.push_back(std::move(option));
  own.push_back(text_or_json());
  return with_platform(std::move(own));
}

}  // namespace

Command rollout_command() {
  return {
      .name = "rollout",
      .summary = "Look at a change of version, hold it, go on, go back",
      .description =
          "status shows revisions with their weights and replicas, and the reasons. pause holds a change "
          "where it is, resume\n"
          "goes on. rollback writes the version that served before into the spec: the stable one while a "
          "change is under way,\n"
          "else the newest that is kept warm; it says whether that is instant. With --wait it ends with 1 "
          "when the change\n"
          "did not end well.",
      .positionals = {{.name = "ACTION", .help = "status, pause, resume or rollback"}, deployment_name()},
      .options = with_waiting(
          {{.names = "--to", .value = "VERSION", .help = "The version that rollback goes back to"}}),
      .examples = {"slipway rollout status credit", "slipway rollout status -w credit",
                   "slipway rollout pause credit", "slipway rollout resume credit --wait",
                   "slipway rollout rollback credit", "slipway rollout rollback credit --to 3"},
      .run = rollout};
}

Command scale_command() {
  return {
      .name = "scale",
      .summary = "Change how many replicas a deployment has",
      .positionals = {deployment_name()},
      .options = with_waiting(
          {{.names = "--replicas", .value = "N", .help = "How many; 0 stops it", .times = Times::kRequired}}),
      .examples = {"slipway scale credit --replicas 3", "slipway scale credit --replicas 0 --wait"},
      .run = scale};
}

}  // namespace slipway::cli
