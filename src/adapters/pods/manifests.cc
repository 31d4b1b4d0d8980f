#include "adapters/pods/internal/manifests.h"

#include <nlohmann/json.hpp>

#include "values/domain/endpoint_slice.h"
#include "values/domain/units.h"

namespace slipway::pods {
namespace {

using json::Document;
using namespace std::chrono_literals;

constexpr const char* kModelFolder = "/model";
constexpr int kUser = 65532;  // nobody's, in the image and on nodes
// A request that came through a gateway which has not heard yet still comes to a pod that ends: it goes on
// answering until it was quiet for so long.
constexpr auto kDrainQuiet = 10s, kDrainDeadline = 30s, kLongestRequest = 10s, kMargin = 10s;
constexpr int kLoadSeconds = 3600;  // how long a model may load before its pod is ended

std::string text(std::string_view view) { return std::string(view); }

Document labels_of(const Wanted& wanted) {
  return {{text(kPartOf), kOurs},
          {text(kManagedBy), kOurs},
          {text(kComponent), "server"},
          {text(domain::kDeploymentLabel), wanted.revision.deployment},
          {text(kRevisionLabel), wanted.revision.name}};
}

Document head_of(const char* api_version, const char* kind, const Wanted& wanted) {
  Document metadata{{"name", wanted.revision.name}, {"namespace", wanted.ns}, {"labels", labels_of(wanted)}};
  if (!wanted.owner.empty())
    metadata["ownerReferences"] = Document::array({{{"apiVersion", "slipway.dev/v1alpha1"},
                                                    {"kind", "ModelDeployment"},
                                                    {"name", wanted.revision.deployment},
                                                    {"uid", wanted.owner},
                                                    {"controller", true},
                                                    {"blockOwnerDeletion", true}}});
  return {{"apiVersion", api_version}, {"kind", kind}, {"metadata", std::move(metadata)}};
}

Document selector_of(const Wanted& wanted) { return {{text(kRevisionLabel), wanted.revision.name}}; }

// sha256:HEX → HEX
std::string hex_of(const std::string& digest) { return digest.substr(digest.find(':') + 1); }

Document container_security() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", Document::array({"ALL"})}}}};
}

Document resources_of(const domain::ServingSettings& settings) {
  Document requests = Document::object(), limits = Document::object();
  if (settings.cpu_millis > 0) requests["cpu"] = cpu_text(settings.cpu_millis);
  if (settings.memory_bytes > 0) requests["memory"] = limits["memory"] = bytes_text(settings.memory_bytes);
  Document out = Document::object();
  if (!requests.empty()) out["requests"] = requests;
  if (!limits.empty()) out["limits"] = limits;
  return out;
}

Document probe(const char* path, int period, int failures, int timeout) {
  return {{"httpGet", {{"path", path}, {"port", "admin"}}},
          {"periodSeconds", period},
          {"failureThreshold", failures},
          {"timeoutSeconds", timeout}};
}

std::string seconds_text(std::chrono::seconds time) { return fmt::format("{}s", time.count()); }

// Of versions that are in control's own registry, the artifact names none.
bool needs_own_registry(const std::string& artifact) {
  const std::string first = artifact.substr(0, artifact.find('/'));
  const bool named = first.size() < artifact.size() && artifact.find('/') < artifact.find('@') &&
                     (first.find_first_of(".:") != std::string::npos || first == "localhost");
  return !named;
}

Document fetch_container(const Wanted& wanted, const Options& options) {
  Document args{"fetch", wanted.revision.artifact, "--into", kModelFolder};
  Document mounts{{{"name", "model"}, {"mountPath", kModelFolder}}, {{"name", "tmp"}, {"mountPath", "/tmp"}}};
  const auto add = [&](const char* option, const std::string& value) {
    args.push_back(option);
    args.push_back(value);
  };
  if (needs_own_registry(wanted.revision.artifact) && !options.registry.empty()) {
    add("--registry", options.registry);
    if (!options.registry_secret.empty()) {
      add("--docker-config", "/registry");
      add("--ca-file", "/registry/ca.crt");
      mounts.push_back({{"name", "registry"}, {"mountPath", "/registry"}, {"readOnly", true}});
    }
  }
  for (size_t i = 0; i < options.pull_secrets.size(); ++i) {
    const std::string folder = fmt::format("/pull/{}", i);
    add("--docker-config", folder);
    mounts.push_back({{"name", fmt::format("pull-{}", i)}, {"mountPath", folder}, {"readOnly", true}});
  }
  if (!options.cache_claim.empty()) {
    add("--cache", "/cache");
    mounts.push_back({{"name", "cache"}, {"mountPath", "/cache"}});
  }
  return {{"name", "fetch"},
          {"image", options.image},
          {"args", std::move(args)},
          {"resources", resources_of(wanted.revision.settings)},
          {"securityContext", container_security()},
          {"terminationMessagePolicy", "FallbackToLogsOnError"},
          {"volumeMounts", std::move(mounts)}};
}

Document server_arguments(const domain::RevisionSpec& revision) {
  Document args{"serve",
                "--model",
                fmt::format("{}:{}={}/{}", revision.deployment, revision.version, kModelFolder,
                            hex_of(revision.digest)),
                "--revision",
                revision.name,
                "--expect-digest",
                revision.digest,
                "--listen",
                fmt::format("0.0.0.0:{}", kHttpPort),
                "--admin",
                fmt::format("0.0.0.0:{}", kAdminPort),
                "--allow-plaintext",
                "--drain-quiet",
                seconds_text(kDrainQuiet),
                "--drain-deadline",
                seconds_text(kDrainDeadline)};
  const auto add = [&](const char* option, const std::string& value) {
    args.push_back(option);
    args.push_back(value);
  };
  if (revision.settings.cpu_millis > 0)
    add("--threads", std::to_string((revision.settings.cpu_millis + 999) / 1000));
  if (revision.settings.timeout > Duration{0})
    add("--timeout", domain::duration_text(revision.settings.timeout));
  if (revision.settings.queue > 0) add("--queue", std::to_string(revision.settings.queue));
  return args;
}

Document server_container(const Wanted& wanted, const Options& options) {
  return {{"name", "server"},
          {"image", options.image},
          {"args", server_arguments(wanted.revision)},
          {"ports",
           {{{"name", "http"}, {"containerPort", kHttpPort}, {"protocol", "TCP"}},
            {{"name", "admin"}, {"containerPort", kAdminPort}, {"protocol", "TCP"}}}},
          {"resources", resources_of(wanted.revision.settings)},
          {"securityContext", container_security()},
          {"terminationMessagePolicy", "FallbackToLogsOnError"},
          {"startupProbe", probe("/startupz", 1, kLoadSeconds, 3)},
          {"readinessProbe", probe("/readyz", 1, 3, 3)},
          {"livenessProbe", probe("/livez", 10, 6, 5)},
          {"volumeMounts",
           {{{"name", "model"}, {"mountPath", kModelFolder}, {"readOnly", true}},
            {{"name", "tmp"}, {"mountPath", "/tmp"}}}}};
}

Document volumes_of(const Wanted& wanted, const Options& options) {
  Document out{{{"name", "model"}, {"emptyDir", Document::object()}},
               {{"name", "tmp"}, {"emptyDir", Document::object()}}};
  if (needs_own_registry(wanted.revision.artifact) && !options.registry_secret.empty())
    out.push_back({{"name", "registry"}, {"secret", {{"secretName", options.registry_secret}}}});
  for (size_t i = 0; i < options.pull_secrets.size(); ++i)
    out.push_back(
        {{"name", fmt::format("pull-{}", i)}, {"secret", {{"secretName", options.pull_secrets[i]}}}});
  if (!options.cache_claim.empty())
    out.push_back({{"name", "cache"}, {"persistentVolumeClaim", {{"claimName", options.cache_claim}}}});
  return out;
}

Document spread_of(const Wanted& wanted) {
  Document out = Document::array();
  for (const char* key : {"topology.kubernetes.io/zone", "kubernetes.io/hostname"})
    out.push_back({{"maxSkew", 1},
                   {"topologyKey", key},
                   {"whenUnsatisfiable", "ScheduleAnyway"},
                   {"labelSelector", {{"matchLabels", selector_of(wanted)}}},
                   {"matchLabelKeys", Document::array({"pod-template-hash"})}});
  return out;
}

Document pod_of(const Wanted& wanted, const Options& options) {
  const auto asked = std::chrono::ceil<std::chrono::seconds>(wanted.revision.settings.timeout);
  const auto longest = asked.count() > 0 ? asked : std::chrono::seconds(kLongestRequest);
  Document out{{"serviceAccountName", options.service_account},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false},
               {"terminationGracePeriodSeconds", (kDrainDeadline + longest + kMargin).count()},
               {"securityContext",
                {{"runAsNonRoot", true},
                 {"runAsUser", kUser},
                 {"runAsGroup", kUser},
                 {"fsGroup", kUser},
                 {"fsGroupChangePolicy", "OnRootMismatch"},
                 {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
               {"topologySpreadConstraints", spread_of(wanted)},
               {"initContainers", Document::array({fetch_container(wanted, options)})},
               {"containers", Document::array({server_container(wanted, options)})},
               {"volumes", volumes_of(wanted, options)}};
  for (const std::string& secret : options.pull_secrets)
    out["imagePullSecrets"].push_back({{"name", secret}});
  return out;
}

}  // namespace

std::string cpu_text(int64_t millis) {
  return millis % 1000 == 0 ? std::to_string(millis / 1000) : fmt::format("{}m", millis);
}

std::string bytes_text(int64_t bytes) {
  constexpr std::pair<int64_t, const char*> kUnits[] = {
      {1'000'000'000'000, "T"}, {1'000'000'000, "G"}, {1'000'000, "M"}, {1'000, "k"}};
  for (const auto& [size, unit] : kUnits)
    if (bytes > 0 && bytes % size == 0) return fmt::format("{}{}", bytes / size, unit);
  return std::to_string(bytes);
}

Document deployment_of(const Wanted& wanted, const Options& options) {
  Document out = head_of("apps/v1", "Deployment", wanted);
  out["metadata"]["annotations"] = {
      {text(kSpecAnnotation), json::canonical(domain::to_document(wanted.revision))},
      {text(kReplicasAnnotation), std::to_string(wanted.replicas)}};
  out["spec"] = {
      {"replicas", wanted.replicas},
      {"revisionHistoryLimit", 1},
      {"selector", {{"matchLabels", selector_of(wanted)}}},
      {"strategy", {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxUnavailable", 0}, {"maxSurge", 1}}}}},
      {"template", {{"metadata", {{"labels", labels_of(wanted)}}}, {"spec", pod_of(wanted, options)}}}};
  return out;
}

Document service_of(const Wanted& wanted) {
  Document out = head_of("v1", "Service", wanted);
  out["spec"] = {{"type", "ClusterIP"},
                 {"selector", selector_of(wanted)},
                 {"ports", Document::array({{{"name", "http"},
                                             {"port", kHttpPort},
                                             {"targetPort", "http"},
                                             {"protocol", "TCP"},
                                             {"appProtocol", "http"}}})}};
  return out;
}

Document budget_of(const Wanted& wanted) {
  Document out = head_of("policy/v1", "PodDisruptionBudget", wanted);
  out["spec"] = {{"maxUnavailable", 1},
                 {"selector", {{"matchLabels", selector_of(wanted)}}},
                 {"unhealthyPodEvictionPolicy", "AlwaysAllow"}};
  return out;
}

}  // namespace slipway::pods
