#include "services/cli/internal/install_command.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "services/cli/platform.h"

namespace slipway::cli::internal {

std::vector<Option> with_cluster(std::vector<Option> own) {
  for (Option& option : platform_options())
    if (option.names != "--data") own.push_back(std::move(option));
  return own;
}

Result<Cluster> find_cluster(const Arguments& arguments) {
  if (!arguments.has("--context") && !arguments.has("--kubeconfig"))
    return fail(Code::kInvalid,
                "which cluster? Say --context NAME (of $KUBECONFIG or ~/.kube/config) or --kubeconfig FILE");
  auto platform = find_platform(arguments);
  if (!platform) return fail(platform.error());
  const auto where = platform->where();
  if (!where) return fail(where.error());
  if (*where == Where::kMachine)
    return fail(Code::kUnsupported,
                "{} is one machine's own platform, where `slipway up` is all there is to install",
                platform->str());
  return Cluster{.client = platform->client(kube::ManagedFields::kKept), .ns = platform->access.ns};
}

Report::Report(const Arguments& arguments, kube::DryRun dry_run)
    : as_json_(arguments.get("--output") == "json"), dry_run_(dry_run) {}

void Report::add(const Changed& changed) {
  all_.push_back(changed);
  say(fmt::format("{} {}{}{}", changed.title(), name(changed.change),
                  dry_run_ == kube::DryRun::kServer ? " (dry run)" : "",
                  changed.note.empty() ? "" : "; " + changed.note));
}

void Report::say(const std::string& line) const {
  if (as_json_) return;
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

void Report::finish() const {
  if (!as_json_) return;
  json::Document objects = json::Document::array();
  for (const Changed& each : all_) {
    json::Document object{{"kind", each.kind}, {"name", each.name}, {"change", name(each.change)}};
    if (!each.ns.empty()) object["namespace"] = each.ns;
    if (!each.note.empty()) object["note"] = each.note;
    objects.push_back(std::move(object));
  }
  const json::Document out{{"dryRun", dry_run_ == kube::DryRun::kServer}, {"objects", std::move(objects)}};
  std::printf("%s\n", json::canonical(out).c_str());
}

}  // namespace slipway::cli::internal
