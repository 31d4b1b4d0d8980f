// `slipway uninstall`: everything that install made, but nothing that people made.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "services/cli/install.h"
#include "services/cli/internal/install_command.h"
#include "services/cli/resources.h"

namespace slipway::cli {
namespace {

using internal::Report;
using json::Document;

// Models and what reads them: taken away only when that is asked for by name.
constexpr std::string_view kClaim = "PersistentVolumeClaim", kDefinition = "CustomResourceDefinition";

// What people made, and what stands behind it.
struct Counts {
  size_t deployments = 0, versions = 0;
  size_t sum() const { return deployments + versions; }
};

std::string counted(const Counts& counts) {
  const auto some = [](size_t count, const char* what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  return some(counts.deployments, "ModelDeployment") + " and " + some(counts.versions, "ModelVersion");
}

kube::Reply<size_t> count(kube::Client& client, domain::Kind kind, const std::string& ns) {
  const auto list = client.list({.resource = resource_of(kind), .ns = ns});
  if (list) return list->items.size();
  if (list.error().status == 404) return size_t{0};  // the definition is not there
  return kube::refuse(list.error());
}

kube::Reply<Counts> count_models(kube::Client& client, const std::string& ns) {
  const auto deployments = count(client, domain::Kind::kModelDeployment, ns);
  if (!deployments) return kube::refuse(deployments.error());
  const auto versions = count(client, domain::Kind::kModelVersion, ns);
  if (!versions) return kube::refuse(versions.error());
  return Counts{*deployments, *versions};
}

enum class Definitions : uint8_t { kKept, kRemovedWhenUnused, kRemoved };

class Removal {
 public:
  Removal(kube::Client& client, std::string ns, kube::DryRun dry_run, Report& report)
      : client_(client), ns_(std::move(ns)), dry_run_(dry_run), report_(report) {}

  int go(Definitions definitions) {
    if (Status fine = look(definitions); !fine) return complain(fine.error().message);
    for (auto each = live_.rbegin(); each != live_.rend(); ++each) remove(*each);
    // Control's own, which it gives back when it ends; a killed one cannot.
    remove_named({{"kind", "Lease"}, {"metadata", {{"name", "slipway-control"}, {"namespace", ns_}}}});
    if (definitions != Definitions::kKept) remove_definitions();
    report_.finish();
    if (definitions == Definitions::kKept) say_what_stays();
    return code_;
  }

 private:
  // What is there, before anything is taken away: a refusal must leave all as it was.
  Status look(Definitions definitions) {
    for (const Document& each : installable_objects(ns_)) {
      const auto live = find_live(client_, ref_of(each));
      // Whoever may not see what is of the whole cluster has not put it there.
      if (!live && live.error().status == 403 && !each["metadata"].contains("namespace")) continue;
      if (!live) return fail(live.error().error);
      has_definitions_ = has_definitions_ || (*live && json::text_of(each, "kind") == kDefinition);
      if (!*live || !belongs_to(**live, ns_)) continue;
      const Document& notes = json::member((**live)["metadata"], "annotations");
      if (const std::string release = json::text_of(notes, "meta.helm.sh/release-name"); !release.empty())
        return fail(Code::kConflict,
                    "helm installed this as release {}; `helm uninstall {} -n {}` takes it away", release,
                    release, ns_);
      live_.push_back(**live);
    }
    const auto here = count_models(client_, ns_), everywhere = count_models(client_, "");
    if (!here) return fail(here.error().error);
    here_ = *here;
    if (definitions == Definitions::kKept) return ok();
    if (!everywhere) return fail(everywhere.error().error);
    if (definitions == Definitions::kRemoved || everywhere->sum() == 0) return ok();
    return fail(Code::kConflict,
                "{} are there, in all namespaces together; with the definitions they would go, and with them "
                "all that "
                "serves. Delete them first, or say --force too",
                counted(*everywhere));
  }

  void remove(const Document& live) {
    const std::string kind = json::text_of(live, "kind");
    Changed kept{
        .kind = kind, .ns = ns_, .name = json::text_of(live["metadata"], "name"), .change = Change::kKept};
    if (kind == kClaim) kept.note = "it holds the models that were pushed";
    if (kept.name == "slipway-model" && kind == "ServiceAccount" && here_.deployments > 0)
      kept.note = "what serves models runs under it";
    if (!kept.note.empty()) return report_.add(kept);
    const auto removed = remove_object(client_, live, dry_run_);
    if (!removed) {
      code_ = complain(removed.error().error.message);
      return;
    }
    report_.add(*removed);
  }

  void remove_named(const Document& object) {
    const auto live = find_live(client_, ref_of(object));
    if (live && *live) remove(**live);
  }

  void remove_definitions() {
    for (const Document& each : installable_objects(ns_))
      if (json::text_of(each, "kind") == kDefinition) remove_named(each);
  }

  void say_what_stays() const {
    if (has_definitions_)
      report_.say(
          "The definitions of ModelDeployment and ModelVersion stay; `slipway uninstall --crds` takes them "
          "away, from "
          "all namespaces.");
    if (here_.sum() > 0)
      report_.say(fmt::format(
          "In {} stay {}, with what serves them; `kubectl delete modeldeployments,modelversions --all "
          "-n {}` takes them away.",
          ns_, counted(here_), ns_));
    const bool has_claim = std::any_of(live_.begin(), live_.end(), [](const Document& each) {
      return json::text_of(each, "kind") == kClaim;
    });
    if (has_claim)
      report_.say(
          fmt::format("Models that were pushed stay; `kubectl delete pvc/slipway-registry "
                      "secret/slipway-registry -n {}` takes them away.",
                      ns_));
  }

  kube::Client& client_;
  const std::string ns_;
  const kube::DryRun dry_run_;
  Report& report_;
  std::vector<Document> live_;
  Counts here_;
  bool has_definitions_ = false;
  int code_ = kSuccess;
};

int uninstall(const Arguments& arguments) {
  const auto cluster = internal::find_cluster(arguments);
  if (!cluster) return complain(cluster.error().message), static_cast<int>(kUsage);
  const kube::DryRun dry_run = arguments.has("--dry-run") ? kube::DryRun::kServer : kube::DryRun::kNo;
  Definitions definitions = Definitions::kKept;
  if (arguments.has("--crds"))
    definitions = arguments.has("--force") ? Definitions::kRemoved : Definitions::kRemovedWhenUnused;
  Report report(arguments, dry_run);
  return Removal(*cluster->client, cluster->ns, dry_run, report).go(definitions);
}

}  // namespace

Command uninstall_command() {
  return {
      .name = "uninstall",
      .summary = "Take Slipway's own objects off a cluster",
      .description =
          "Control and gateway go, with their roles and services. Models, deployments, what serves "
          "them, the definitions and\nthe namespace stay; it says how to take them away too.",
      .options = internal::with_cluster(
          {{.names = "--crds",
            .value = "",
            .help = "The definitions too, for all namespaces; refused while there are models"},
           {.names = "--force",
            .value = "",
            .help = "With --crds: although there are models, which go with them"},
           {.names = "--dry-run", .value = "", .help = "Let the cluster check everything and delete nothing"},
           {.names = "-o,--output",
            .value = "FORMAT",
            .help = "text or json",
            .fallback = "text",
            .choices = {"text", "json"}}}),
      .examples = {"slipway uninstall --context prod -n ml", "slipway uninstall --context prod -n ml --crds"},
      .run = uninstall};
}

}  // namespace slipway::cli
