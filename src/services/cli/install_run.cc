#include "services/cli/internal/install_run.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "services/cli/install_wait.h"

namespace slipway::cli::internal {
namespace {

using json::Document;
using namespace std::chrono_literals;

constexpr Duration kDefinitionPatience = 30s;

class Installation {
 public:
  Installation(kube::Client& client, const InstallRun& run, Report& report)
      : client_(client), run_(run), options_(run.options), report_(report) {}

  int go() {
    if (Status fine = look_at_cluster(); !fine) return complain(fine.error().message);
    const std::vector<Document> objects = install_objects(options_);
    for (const Document& object : objects) apply(object);
    if (code_ == kSuccess) take_leftovers(objects);
    if (code_ == kSuccess && !is_dry() && run_.wait == InstallRun::Wait::kReady) wait(objects);
    report_.finish();
    return code_;
  }

 private:
  bool is_dry() const { return run_.apply.dry_run == kube::DryRun::kServer; }

  // A namespace that is not there is made; one that is there stays as it is, unless it was asked for. What is
  // of the whole cluster belongs to one installation alone.
  Status look_at_cluster() {
    const auto space =
        find_live(client_, ref_of({{"kind", "Namespace"}, {"metadata", {{"name", options_.ns}}}}));
    // Whoever may not see namespaces has been given this one.
    if (!space && space.error().status != 403) return fail(space.error().error);
    is_space_missing_ = space && !*space;
    if (is_space_missing_) options_.space = InstallOptions::Space::kMade;
    if (options_.reach != Reach::kAllNamespaces) return ok();
    const auto role = find_live(
        client_, ref_of({{"kind", "ClusterRoleBinding"}, {"metadata", {{"name", "slipway-control"}}}}));
    if (!role) return fail(role.error().error);
    if (!*role || belongs_to(**role, options_.ns)) return ok();
    const std::string other = json::text_of(json::member((**role)["metadata"], "labels"), kInstalledFrom);
    return fail(Code::kConflict,
                "control sees to all namespaces already, from namespace {}; `slipway uninstall -n {}` takes "
                "that away, "
                "and `slipway install --only gateway -n {}` gives this namespace a gateway",
                other, other, options_.ns);
  }

  void apply(const Document& object) {
    if (is_dry() && is_space_missing_ && object["metadata"].contains("namespace")) {
      const kube::ObjectRef ref = ref_of(object);
      return report_.add({.kind = json::text_of(object, "kind"),
                          .ns = ref.ns,
                          .name = ref.name,
                          .change = Change::kCreated,
                          .note = "not checked, its namespace is not there yet"});
    }
    const auto applied = apply_object(client_, object, run_.apply);
    if (!applied) return refuse(applied.error().error);
    report_.add(*applied);
    if (applied->kind != "CustomResourceDefinition" || is_dry()) return;
    if (Status taken = await_established(client_, applied->name, kDefinitionPatience); !taken)
      refuse(taken.error());
  }

  void refuse(const Error& error) { code_ = complain(error.message); }

  void take_leftovers(const std::vector<Document>& objects) {
    for (const Document& each : leftovers(candidates(), objects)) {
      const auto live = find_live(client_, ref_of(each));
      // Whoever may not look at it has not put it there.
      if (!live || !*live || !is_installed_by_us(**live) || !belongs_to(**live, options_.ns)) continue;
      auto removed = remove_object(client_, **live, run_.apply.dry_run);
      if (!removed) {
        refuse(removed.error().error);
        continue;
      }
      removed->note = "no longer asked for";
      report_.add(*removed);
    }
  }

  // What this part of an installation may have made with other options; never what holds everyone's models.
  std::vector<Document> candidates() const {
    std::vector<Document> out;
    for (Document& each : installable_objects(options_.ns)) {
      const std::string kind = json::text_of(each, "kind");
      if (kind == "CustomResourceDefinition" || kind == "Namespace") continue;
      if (options_.part == Part::kAll || part_of(each) == options_.part) out.push_back(std::move(each));
    }
    return out;
  }

  static Part part_of(const Document& object) {
    const std::string component =
        json::text_of(json::member(object["metadata"], "labels"), "app.kubernetes.io/component");
    if (component == "gateway" || component == "server") return Part::kGateway;
    return component.empty() ? Part::kDefinitions : Part::kControl;
  }

  void wait(const std::vector<Document>& objects) {
    ReadyWait wait{.ns = options_.ns, .patience = run_.patience, .show = [this](const auto& all) {
                     std::string line;
                     for (const Readiness& each : all) line += (line.empty() ? "" : ", ") + each.str();
                     report_.say(line);
                   }};
    for (const Document& each : objects)
      if (each["kind"] == "Deployment") wait.deployments.push_back(json::text_of(each["metadata"], "name"));
    if (Status ready = await_ready(client_, wait); !ready) refuse(ready.error());
  }

  kube::Client& client_;
  const InstallRun& run_;
  InstallOptions options_;
  Report& report_;
  bool is_space_missing_ = false;
  int code_ = kSuccess;
};

}  // namespace

int run_install(kube::Client& client, const InstallRun& run, Report& report) {
  return Installation(client, run, report).go();
}

}  // namespace slipway::cli::internal
