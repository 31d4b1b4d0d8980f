#include "services/cli/internal/install_chart.h"

#include <fmt/format.h>

namespace slipway::cli::internal {
namespace {

std::string quoted_list(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& each : texts) out += (out.empty() ? "" : ", ") + each;
  return "[" + out + "]";
}

}  // namespace

std::string chart_yaml(const InstallOptions& options) {
  return fmt::format(
      "apiVersion: v2\n"
      "name: slipway\n"
      "description: Deploys, serves and watches machine-learning models\n"
      "type: application\n"
      "version: {0}\n"
      "appVersion: \"{0}\"\n"
      "kubeVersion: \">=1.29.0-0\"\n",
      options.version);
}

std::string chart_values(const InstallOptions& options) {
  const RegistryClaim claim = options.registry.value_or(RegistryClaim{});
  return fmt::format(
      "# The image of every pod, of what serves models too; best by digest: "
      "docker.io/library/slipway@sha256:…\n"
      "image: {image}\n"
      "# How callers outside the cluster reach the gateway: ClusterIP, NodePort, NodePort:HOST:PORT, "
      "LoadBalancer,\n"
      "# LoadBalancer:HOST, ingress:HOST, httproute:GATEWAY/HOST or httproute:NAMESPACE/GATEWAY/HOST, with "
      "https://\n"
      "# before HOST where TLS ends in front of the gateway (an Ingress takes it from the Secret "
      "slipway-gateway-tls).\n"
      "expose: {expose}\n"
      "# Of the gateway.\n"
      "replicas: {replicas}\n"
      "# Control sees to the deployments of all namespaces; each needs a gateway of its own (only: "
      "gateway).\n"
      "allNamespaces: {everywhere}\n"
      "# control or gateway alone; empty: both.\n"
      "only: \"\"\n"
      "# Control keeps pushed models itself, on a claim; not with allNamespaces.\n"
      "registry:\n"
      "  enabled: {registry}\n"
      "  size: {size}\n"
      "  storageClass: \"{storage_class}\"\n"
      "# Secrets with credentials for registries of images and models.\n"
      "pullSecrets: {secrets}\n"
      "# A PersistentVolumeClaim that pods keep models in.\n"
      "cacheClaim: \"{cache}\"\n"
      "# Pods talk only to those that they have to.\n"
      "networkPolicies: {policies}\n",
      fmt::arg("image", options.image), fmt::arg("expose", expose_text(options.expose)),
      fmt::arg("replicas", options.replicas), fmt::arg("everywhere", options.reach == Reach::kAllNamespaces),
      fmt::arg("registry", options.registry.has_value()), fmt::arg("size", claim.size),
      fmt::arg("storage_class", claim.storage_class), fmt::arg("secrets", quoted_list(options.pull_secrets)),
      fmt::arg("cache", options.cache_claim),
      fmt::arg("policies", options.policies == InstallOptions::Policies::kStrict));
}

const std::string_view kChartSchema = R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "global": {"type": "object"},
    "image": {"type": "string", "minLength": 1},
    "expose": {
      "type": "string",
      "pattern": "^(ClusterIP|NodePort(:(https?://)?[a-z0-9.-]+:[0-9]+)?|LoadBalancer(:(https?://)?[a-z0-9.-]+)?|ingress:(https?://)?[a-z0-9.-]+|httproute:([a-z0-9.-]+/){1,2}(https?://)?[a-z0-9.-]+)$"
    },
    "replicas": {"type": "integer", "minimum": 1, "maximum": 1000},
    "allNamespaces": {"type": "boolean"},
    "only": {"enum": ["", "control", "gateway"]},
    "registry": {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "enabled": {"type": "boolean"},
        "size": {"type": "string"},
        "storageClass": {"type": "string"}
      }
    },
    "pullSecrets": {"type": "array", "items": {"type": "string"}},
    "cacheClaim": {"type": "string"},
    "networkPolicies": {"type": "boolean"}
  }
}
)json";

const std::string_view kChartHelpers = R"tpl({{/* The word before the first colon of `expose`. */}}
{{- define "slipway.expose" -}}
{{- if and .Values.registry.enabled .Values.allNamespaces -}}
{{- fail "registry.enabled with allNamespaces: control would need to write Secrets in every namespace; push to a registry of your own and name its pullSecrets" -}}
{{- end -}}
{{- regexFind "^[A-Za-z]+" .Values.expose -}}
{{- end }}

{{/* What stands behind it, without a scheme: [[NAMESPACE/]GATEWAY/]HOST[:PORT]. */}}
{{- define "slipway.target" -}}
{{- regexReplaceAll "https?://" (regexReplaceAll "^[A-Za-z]+:?" .Values.expose "") "" -}}
{{- end }}

{{- define "slipway.scheme" -}}
{{- ternary "https" "http" (contains "https://" .Values.expose) -}}
{{- end }}

{{- define "slipway.host" -}}
{{- regexReplaceAll ":[0-9]+$" (last (splitList "/" (include "slipway.target" .))) "" -}}
{{- end }}

{{- define "slipway.nodePort" -}}
{{- trimPrefix ":" (regexFind ":[0-9]+$" (include "slipway.target" .)) -}}
{{- end }}

{{- define "slipway.serviceType" -}}
{{- $kind := include "slipway.expose" . -}}
{{- ternary $kind "ClusterIP" (has $kind (list "NodePort" "LoadBalancer")) -}}
{{- end }}

{{- define "slipway.gateway" -}}
{{- last (initial (splitList "/" (include "slipway.target" .))) -}}
{{- end }}

{{- define "slipway.gatewayNamespace" -}}
{{- $names := initial (splitList "/" (include "slipway.target" .)) -}}
{{- if gt (len $names) 1 }}{{ first $names }}{{ else }}{{ .Release.Namespace }}{{ end -}}
{{- end }}

{{/* Where callers reach the gateway: what status.url of a deployment begins with. */}}
{{- define "slipway.url" -}}
{{- $host := include "slipway.host" . -}}
{{- $port := include "slipway.nodePort" . -}}
{{- if $host -}}
{{ include "slipway.scheme" . }}://{{ $host }}{{ if $port }}:{{ $port }}{{ end }}
{{- else -}}
http://slipway-gateway.$(POD_NAMESPACE).svc
{{- end -}}
{{- end }}
)tpl";

const std::string_view kChartNotes = R"tpl(Slipway is in namespace {{ .Release.Namespace }}.

  kubectl -n {{ .Release.Namespace }} rollout status deployment/slipway-gateway

The definitions of ModelDeployment and ModelVersion come with the first installation; helm neither upgrades nor deletes
them. A newer chart's: kubectl apply --server-side -f crds/
)tpl";

}  // namespace slipway::cli::internal
