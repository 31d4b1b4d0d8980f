#include "services/cli/install.h"

#include <charconv>
#include <cstdio>

#include "services/cli/install_formats.h"
#include "services/cli/install_objects.h"
#include "services/cli/internal/install_run.h"
#include "system/os/replace_file.h"
#include "values/domain/units.h"

namespace slipway::cli {
namespace {

Part parse_part(const std::string& word) {
  if (word == "crds") return Part::kDefinitions;
  if (word == "control") return Part::kControl;
  return word == "gateway" ? Part::kGateway : Part::kAll;
}

Result<int> parse_replicas(const std::string& text) {
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc{} && end == text.data() + text.size()) return out;
  return fail(Code::kInvalid, "--replicas {}: that is no number", text);
}

Result<InstallOptions> read_options(const Arguments& arguments, const std::string& version,
                                    const std::string& ns) {
  InstallOptions out{.ns = ns, .image = "docker.io/library/slipway:" + version, .version = version};
  if (arguments.has("--image")) out.image = arguments.get("--image");
  out.part = parse_part(arguments.get("--only"));
  if (arguments.has("--all-namespaces")) out.reach = Reach::kAllNamespaces;
  auto expose = parse_expose(arguments.get("--expose"));
  if (!expose) return fail(expose.error());
  out.expose = std::move(*expose);
  if (arguments.has("--replicas")) {
    const auto replicas = parse_replicas(arguments.get("--replicas"));
    if (!replicas) return fail(replicas.error());
    out.replicas = *replicas;
  }
  if (arguments.has("--registry"))
    out.registry = {.size = arguments.get("--registry-size"),
                    .storage_class = arguments.get("--storage-class")};
  out.pull_secrets = arguments.all("--pull-secret");
  out.cache_claim = arguments.get("--cache-claim");
  if (arguments.has("--network-policies")) out.policies = InstallOptions::Policies::kStrict;
  if (arguments.has("--create-namespace")) out.space = InstallOptions::Space::kMade;
  if (Status fine = check(out); !fine) return fail(fine.error());
  return out;
}

Result<std::vector<RenderedFile>> render(const InstallOptions& options, const std::string& format) {
  if (format == "helm") return render_helm(options);
  if (format == "kustomize") return render_kustomize(options);
  return render_yaml(options);
}

int print(const InstallOptions& options, const Arguments& arguments) {
  const std::string format = arguments.get("--format"), folder = arguments.get("--into");
  if (format != "yaml" && folder.empty())
    return complain(fmt::format("--format {} makes a folder of files; say where with --into DIR", format)),
           static_cast<int>(kUsage);
  const auto files = render(options, format);
  if (!files) return complain(files.error().message);
  for (const RenderedFile& file : *files) {
    if (folder.empty()) {
      std::fputs(file.text.c_str(), stdout);
      continue;
    }
    const std::string path = folder + "/" + file.path;
    if (Status written = os::replace_file(path, file.text, 0644); !written)
      return complain(written.error().message);
    std::printf("%s\n", path.c_str());
  }
  return kSuccess;
}

int apply(const Arguments& arguments, const std::string& version) {
  const auto cluster = internal::find_cluster(arguments);
  if (!cluster) return complain(cluster.error().message), static_cast<int>(kUsage);
  auto options = read_options(arguments, version, cluster->ns);
  if (!options) return complain(options.error().message), static_cast<int>(kUsage);
  const auto patience = domain::parse_duration(arguments.get("--timeout"));
  if (!patience) return complain("--timeout: " + patience.error().message), static_cast<int>(kUsage);
  internal::InstallRun run{.options = std::move(*options), .apply = {}, .patience = *patience};
  if (arguments.has("--dry-run")) run.apply.dry_run = kube::DryRun::kServer;
  if (arguments.has("--force-conflicts")) run.apply.conflicts = kube::PatchKind::kApplyForced;
  if (arguments.has("--replicas")) run.apply.replicas = ApplyOptions::Replicas::kOurs;
  if (arguments.has("--wait")) run.wait = internal::InstallRun::Wait::kReady;
  internal::Report report(arguments, run.apply.dry_run);
  return run_install(*cluster->client, run, report);
}

int install(const Arguments& arguments, const std::string& version) {
  if (arguments.has("--apply") || arguments.has("--dry-run")) return apply(arguments, version);
  const std::string ns = arguments.has("--namespace") ? arguments.get("--namespace") : "default";
  const auto options = read_options(arguments, version, ns);
  if (!options) return complain(options.error().message), static_cast<int>(kUsage);
  return print(*options, arguments);
}

// What is installed.
std::vector<Option> object_options(const std::string& version) {
  return {
      {.names = "--image",
       .value = "REF",
       .help = "The image of every pod, best by digest (default: docker.io/library/slipway:" + version + ")"},
      {.names = "--expose",
       .value = "HOW",
       .help = "How callers outside the cluster reach the gateway: ClusterIP, NodePort[:HOST:PORT], "
               "LoadBalancer[:HOST], ingress:HOST or httproute:GATEWAY/HOST",
       .fallback = "ClusterIP"},
      {.names = "--all-namespaces",
       .value = "",
       .help = "Let control see to the deployments of all namespaces"},
      {.names = "--only",
       .value = "PART",
       .help = "crds, control or gateway alone (default: all of them)",
       .choices = {"crds", "control", "gateway"}},
      {.names = "--replicas", .value = "N", .help = "Of the gateway (default: 2)"},
      {.names = "--registry", .value = "", .help = "Let control keep pushed models, on a claim of its own"},
      {.names = "--registry-size", .value = "SIZE", .help = "Of that claim", .fallback = "10Gi"},
      {.names = "--storage-class", .value = "NAME", .help = "Of that claim (default: the cluster's default)"},
      {.names = "--pull-secret",
       .value = "NAME",
       .help = "A Secret with credentials for registries of images and models; may be repeated",
       .times = Times::kAnyNumber},
      {.names = "--cache-claim", .value = "NAME", .help = "A PersistentVolumeClaim that pods keep models in"},
      {.names = "--network-policies", .value = "", .help = "Let pods talk only to those that they have to"},
      {.names = "--create-namespace",
       .value = "",
       .help = "The namespace too, with Pod Security `restricted`"}};
}

// Where it goes, and what is said about it.
std::vector<Option> way_options() {
  return {{.names = "--format",
           .value = "FORMAT",
           .help = "yaml, kustomize or helm",
           .fallback = "yaml",
           .choices = {"yaml", "kustomize", "helm"}},
          {.names = "--into", .value = "DIR", .help = "Write files there instead of standard output"},
          {.names = "--apply",
           .value = "",
           .help = "Apply it to the cluster that --context or --kubeconfig names"},
          {.names = "--dry-run", .value = "", .help = "Let that cluster check everything and store nothing"},
          {.names = "--force-conflicts", .value = "", .help = "Set back what others have set differently"},
          {.names = "--wait", .value = "", .help = "With --apply: until control and gateway are ready"},
          {.names = "--timeout", .value = "DURATION", .help = "How long to wait", .fallback = "5m"},
          {.names = "-o,--output",
           .value = "FORMAT",
           .help = "What --apply says: text or json",
           .fallback = "text",
           .choices = {"text", "json"}}};
}

}  // namespace

Command install_command(const std::string& version) {
  std::vector<Option> options = object_options(version);
  for (Option& option : way_options()) options.push_back(std::move(option));
  return {.name = "install",
          .summary = "Install Slipway on a Kubernetes cluster, or print what that takes",
          .description =
              "Prints every object for kubectl, kustomize or helm; nothing else is needed. With --apply it "
              "puts them there itself, by\nserver-side apply: fields that others have set stay as they are.",
          .options = internal::with_cluster(std::move(options)),
          .examples = {"slipway install | kubectl apply --server-side -f -",
                       "slipway install -n ml --expose ingress:models.example.com",
                       "slipway install --context prod -n ml --apply --wait",
                       "slipway install --format helm --into chart"},
          .run = [version](const Arguments& arguments) { return install(arguments, version); }};
}

}  // namespace slipway::cli
