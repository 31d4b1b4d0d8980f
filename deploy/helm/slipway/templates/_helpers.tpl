{{/* The word before the first colon of `expose`. */}}
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
