#include "services/cli/why.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/resources.h"
#include "services/cli/rollout.h"
#include "services/cli/screen.h"
#include "values/domain/units.h"
#include "values/schema/table.h"

namespace slipway::cli {
namespace {

using why::Answer;
using why::Cause;
using why::Evidence;
using why::Verdict;

Ink ink_of(Verdict verdict) {
  if (verdict == Verdict::kWell) return Ink::kGood;
  return verdict == Verdict::kWrong ? Ink::kBad : Ink::kBold;
}

// Lines of what others wrote, each behind the margin and harmless to a terminal.
std::string indented(const std::string& text, const std::string& margin) {
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    out += (out.empty() ? "" : "\n" + margin) + safe(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

// " (3 times, last 12s ago)"
std::string when(const Evidence& evidence, WallTime now) {
  const auto time = domain::parse_time(evidence.time);
  std::string out;
  if (evidence.count > 1) out = fmt::format("{} times", evidence.count);
  if (time)
    out += fmt::format("{}{}{} ago", out.empty() ? "" : ", ", evidence.count > 1 ? "last " : "",
                       schema::human_age(*time, now));
  return out.empty() ? "" : fmt::format(" ({})", out);
}

std::string evidence_text(const Evidence& evidence, WallTime now) {
  const std::string place =
      safe(evidence.object) + (evidence.where.empty() ? "" : " ") + safe(evidence.where);
  return fmt::format("{}: {}{}", place, indented(evidence.says, "       "),
                     inked(when(evidence, now), Ink::kFaint));
}

std::string cause_text(size_t number, const Cause& cause, WallTime now) {
  std::string out = fmt::format("{}. {}: {}\n", number, inked(std::string(name(cause.reason)), Ink::kBold),
                                safe(cause.finding));
  for (const Evidence& each : cause.evidence) out += fmt::format("   - {}\n", evidence_text(each, now));
  if (!cause.next.empty()) out += fmt::format("   next: {}\n", inked(safe(cause.next), Ink::kBold));
  if (!cause.hint.empty())
    out += fmt::format("   {}{}\n", cause.next.empty() ? "next: " : "      ", safe(cause.hint));
  return out;
}

// Everything that one question is answered from.
struct Facts {
  std::vector<domain::ModelVersion> versions;
  std::vector<why::Event> events;
  std::optional<std::vector<domain::EndpointSlice>> endpoints;
};

kube::Reply<std::vector<domain::Object>> list(kube::Client& client, domain::Kind kind,
                                              const std::string& ns) {
  const auto listed =
      client.list({.resource = resource_of(kind), .ns = ns, .label_selector = "", .field_selector = ""});
  if (!listed) return kube::refuse(listed.error());
  std::vector<domain::Object> out;
  for (const kube::Object& item : listed->items) {
    const auto document = json::parse_document(item.json);
    auto object =
        document ? domain::to_object(kind, *document) : Result<domain::Object>(fail(document.error()));
    if (object) out.push_back(std::move(*object));
  }
  return out;
}

// Events that belong to the deployment, its model's versions, and its revisions.
bool belongs(const why::Event& event, const std::string& deployment, const std::string& model) {
  const size_t slash = event.object.find('/');
  const std::string_view name = std::string_view(event.object).substr(slash + 1);
  return name == deployment || name.starts_with(deployment + "-") || name.starts_with(model + "-");
}

Result<Facts> gather(const Platform& platform, kube::Client& client, const std::string& deployment,
                     const std::string& model) {
  const std::string& ns = platform.access.ns;
  Facts out;
  auto versions = list_versions(platform, client);
  if (!versions) return fail(versions.error());
  out.versions = std::move(*versions);
  const auto events = list(client, domain::Kind::kEvent, ns);
  if (!events) return fail(platform.explained(events.error()));
  for (const domain::Object& object : *events)
    if (auto event = why::parse_event(object); event && belongs(*event, deployment, model))
      out.events.push_back(std::move(*event));
  const auto slices = list(client, domain::Kind::kEndpointSlice, ns);
  if (!slices) return out;  // not known: control has not looked yet
  out.endpoints.emplace();
  for (const domain::Object& object : *slices)
    if (auto slice = domain::parse_endpoint_slice(object); slice && slice->deployment == deployment)
      out.endpoints->push_back(std::move(*slice));
  return out;
}

int print(const Arguments& arguments, const Answer& answer) {
  if (arguments.get("--output") == "json")
    std::printf(
        "%s\n",
        why::to_document(answer).dump(2, ' ', false, json::Document::error_handler_t::replace).c_str());
  else
    std::fputs(why_text(answer, runtime::RealClock().wall()).c_str(), stdout);
  return kSuccess;
}

int explain_why(const Arguments& arguments) {
  const auto platform = find_platform(arguments);
  if (!platform) return complain(platform.error().message);
  const auto client = platform->client();
  const std::string name = arguments.get("NAME");
  const auto deployment = find_deployment(*platform, *client, name);
  if (!deployment && deployment.error().code != Code::kNotFound) return complain(deployment.error().message);
  const auto facts = gather(*platform, *client, name, deployment ? deployment->spec.model : name);
  if (!facts) return complain(facts.error().message);
  if (!deployment) {
    print(arguments, why::explain_missing(name, facts->versions, facts->events));
    return complain(deployment.error().message);
  }
  return print(arguments, why::explain({.deployment = *deployment,
                                        .versions = facts->versions,
                                        .events = facts->events,
                                        .endpoints = facts->endpoints,
                                        .now = runtime::RealClock().wall()}));
}

}  // namespace

std::string why_text(const Answer& answer, WallTime now) {
  std::string out = fmt::format("{}: {}\n", inked(std::string(name(answer.verdict)), ink_of(answer.verdict)),
                                safe(answer.summary));
  for (size_t i = 0; i < answer.causes.size(); ++i) out += cause_text(i + 1, answer.causes[i], now);
  if (answer.decided) out += fmt::format("last decided: {}\n", evidence_text(*answer.decided, now));
  return out;
}

Command why_command() {
  return {
      .name = "why",
      .summary = "Say why a deployment is as it is, and what to do next",
      .description =
          "Ranked causes of a closed list, the root first, each with what shows it and the next step. Looks "
          "at the deployment,\n"
          "its versions, their Events and where replicas answer; it changes nothing.",
      .positionals = {deployment_name()},
      .options = with_platform({{.names = "-o,--output",
                                 .value = "FORMAT",
                                 .help = "text or json",
                                 .fallback = "text",
                                 .choices = {"text", "json"}}}),
      .examples = {"slipway why credit", "slipway why credit -o json"},
      .run = explain_why};
}

}  // namespace slipway::cli
