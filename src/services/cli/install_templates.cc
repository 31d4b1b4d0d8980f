#include "services/cli/internal/install_templates.h"

namespace slipway::cli::internal {

const std::string_view kNamespaceTemplate = R"yaml(
apiVersion: v1
kind: Namespace
metadata:
  name: ${ns}
  labels: {pod-security.kubernetes.io/enforce: restricted}
)yaml";

// What serves models runs under it: it may do nothing, and its pods get no token.
const std::string_view kModelAccountTemplate = R"yaml(
apiVersion: v1
kind: ServiceAccount
metadata: {name: slipway-model, labels: {app.kubernetes.io/component: server}}
automountServiceAccountToken: false
)yaml";

const std::string_view kWorkloadTemplate = R"yaml(
apiVersion: v1
kind: ServiceAccount
metadata: {name: "slipway-${component}", labels: {app.kubernetes.io/component: "${component}"}}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: "slipway-${component}", labels: {app.kubernetes.io/component: "${component}"}}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: "slipway-${component}", labels: {app.kubernetes.io/component: "${component}"}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: "slipway-${component}"}
subjects: [{kind: ServiceAccount, name: "slipway-${component}", namespace: "${ns}"}]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: "slipway-${component}"
  labels: {app.kubernetes.io/component: "${component}", app.kubernetes.io/version: "${version}"}
spec:
  replicas: 2
  revisionHistoryLimit: 3
  selector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: "${component}"}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: "${component}"}}
    spec:
      serviceAccountName: "slipway-${component}"
      automountServiceAccountToken: true
      enableServiceLinks: false
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile: {type: RuntimeDefault}
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: "${component}"}}
        matchLabelKeys: [pod-template-hash]
      - maxSkew: 1
        topologyKey: kubernetes.io/hostname
        whenUnsatisfiable: ScheduleAnyway
        labelSelector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: "${component}"}}
        matchLabelKeys: [pod-template-hash]
      containers:
      - name: "${component}"
        image: "${image}"
        imagePullPolicy: IfNotPresent
        args: []
        env: [{name: POD_NAMESPACE, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}}]
        ports: [{name: admin, containerPort: 8081, protocol: TCP}]
        startupProbe: {httpGet: {path: /startupz, port: admin}, periodSeconds: 1, failureThreshold: 120, timeoutSeconds: 3}
        readinessProbe: {httpGet: {path: /readyz, port: admin}, periodSeconds: 2, failureThreshold: 2, timeoutSeconds: 2}
        livenessProbe: {httpGet: {path: /livez, port: admin}, periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5}
        resources:
          requests: {cpu: 100m, memory: 256Mi, ephemeral-storage: 128Mi}
          limits: {memory: 256Mi, ephemeral-storage: 512Mi}
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: "slipway-${component}", labels: {app.kubernetes.io/component: "${component}"}}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: "${component}"}}
)yaml";

// Two may be ready to take over, one leads. The Lease is its own affair; what it decides on comes below.
const std::string_view kControlTemplate = R"yaml(
rules:
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [create]}
- {apiGroups: [coordination.k8s.io], resources: [leases], resourceNames: [slipway-control], verbs: [get, list, watch, update]}
pod: {}
container:
  args:
  - control
  - --cluster
  - "--image=${image}"
  - "--gateway-url=${url}"
  - --lease=slipway-control
  - --admin=0.0.0.0:8081
  - --allow-plaintext
)yaml";

const std::string_view kActingRulesTemplate = R"yaml(
rules:
- {apiGroups: [slipway.dev], resources: [modeldeployments, modelversions], verbs: [get, list, watch]}
- {apiGroups: [slipway.dev], resources: [modeldeployments/status], verbs: [update, patch]}
- {apiGroups: [slipway.dev], resources: [modeldeployments/finalizers], verbs: [update]}
- {apiGroups: [apps], resources: [deployments], verbs: [get, list, watch, create, patch, delete]}
- {apiGroups: [""], resources: [services], verbs: [get, list, watch, create, patch, delete]}
- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: [get, list, watch, create, patch, delete]}
- {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [events], verbs: [get, create, update, patch]}
)yaml";

// The Secret with which pods and people reach control's own registry; control makes it.
const std::string_view kRegistryRulesTemplate = R"yaml(
rules:
- {apiGroups: [""], resources: [secrets], verbs: [create]}
- {apiGroups: [""], resources: [secrets], resourceNames: [slipway-registry], verbs: [get, patch]}
)yaml";

const std::string_view kClusterControlTemplate = R"yaml(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: slipway-control, labels: {app.kubernetes.io/component: control}}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: slipway-control, labels: {app.kubernetes.io/component: control}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: slipway-control}
subjects: [{kind: ServiceAccount, name: slipway-control, namespace: "${ns}"}]
)yaml";

// Whoever may edit or view in a namespace may do so with models: the cluster's own roles take these in.
const std::string_view kClusterUsersTemplate = R"yaml(
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: slipway-edit
  labels: {rbac.authorization.k8s.io/aggregate-to-admin: "true", rbac.authorization.k8s.io/aggregate-to-edit: "true"}
rules:
- {apiGroups: [slipway.dev], resources: [modeldeployments, modelversions], verbs: [get, list, watch, create, update, patch, delete, deletecollection]}
- {apiGroups: [slipway.dev], resources: [modeldeployments/scale], verbs: [get, update, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: slipway-view
  labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}
rules:
- {apiGroups: [slipway.dev], resources: [modeldeployments, modelversions], verbs: [get, list, watch]}
- {apiGroups: [slipway.dev], resources: [modeldeployments/scale, modeldeployments/status], verbs: [get]}
)yaml";

const std::string_view kRegistryTemplate = R"yaml(
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: slipway-registry, labels: {app.kubernetes.io/component: registry}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: "${registry-size}"}}
---
apiVersion: v1
kind: Service
metadata: {name: slipway-registry, labels: {app.kubernetes.io/component: registry}}
spec:
  type: ClusterIP
  selector: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: control}
  ports: [{name: registry, port: 5000, targetPort: registry, protocol: TCP, appProtocol: https}]
)yaml";

// It goes on with the lists that it last had, also after a restart: they lie in its volume. After it was told
// to stop it answers until nobody has asked for ten seconds, and finishes what it has begun.
const std::string_view kGatewayTemplate = R"yaml(
rules:
- {apiGroups: [slipway.dev], resources: [modeldeployments], verbs: [get, list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}
pod:
  terminationGracePeriodSeconds: 60
  volumes:
  - {name: data, emptyDir: {sizeLimit: 256Mi}}
container:
  args:
  - gateway
  - --cluster
  - --namespace=$(POD_NAMESPACE)
  - --data=/data
  - --listen=0.0.0.0:8080
  - --admin=0.0.0.0:8081
  - --allow-plaintext
  - --drain-quiet=10s
  ports:
  - {name: http, containerPort: 8080, protocol: TCP}
  - {name: admin, containerPort: 8081, protocol: TCP}
  volumeMounts: [{name: data, mountPath: /data}]
)yaml";

const std::string_view kServiceTemplate = R"yaml(
apiVersion: v1
kind: Service
metadata: {name: slipway-gateway, labels: {app.kubernetes.io/component: gateway}}
spec:
  type: ClusterIP
  selector: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: gateway}
  ports: [{name: http, port: 80, targetPort: http, protocol: TCP, appProtocol: http}]
)yaml";

const std::string_view kIngressTemplate = R"yaml(
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: slipway-gateway, labels: {app.kubernetes.io/component: gateway}}
spec:
  rules:
  - host: "${host}"
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: slipway-gateway, port: {name: http}}}}
)yaml";

const std::string_view kRouteTemplate = R"yaml(
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: slipway-gateway, labels: {app.kubernetes.io/component: gateway}}
spec:
  parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: "${gateway-space}", name: "${gateway}"}]
  hostnames: ["${host}"]
  rules:
  - matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{group: "", kind: Service, name: slipway-gateway, port: 80, weight: 1}]
)yaml";

// Callers come from anywhere, and so do those who read metrics; everything else is named. The API server and
// registries outside have no pods that a policy could name: their ports stand for them.
const std::string_view kPoliciesTemplate = R"yaml(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: slipway-gateway, labels: {app.kubernetes.io/component: gateway}}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: gateway}}
  policyTypes: [Ingress, Egress]
  ingress:
  - ports: [{port: 8080, protocol: TCP}, {port: 8081, protocol: TCP}]
  egress:
  - to: [{podSelector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: server}}}]
    ports: [{port: 8080, protocol: TCP}]
  - ports: [{port: 443, protocol: TCP}, {port: 6443, protocol: TCP}]
  - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: slipway-model, labels: {app.kubernetes.io/component: server}}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: server}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: gateway}}}]
    ports: [{port: 8080, protocol: TCP}]
  - ports: [{port: 8081, protocol: TCP}]
  egress:
  - ports: [{port: 443, protocol: TCP}, {port: 5000, protocol: TCP}]
  - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: slipway-control, labels: {app.kubernetes.io/component: control}}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/part-of: slipway, app.kubernetes.io/component: control}}
  policyTypes: [Ingress, Egress]
  ingress:
  - ports: [{port: 8081, protocol: TCP}, {port: 5000, protocol: TCP}]
  egress:
  - to: [{namespaceSelector: {}, podSelector: {matchLabels: {app.kubernetes.io/part-of: slipway}}}]
    ports: [{port: 8081, protocol: TCP}]
  - ports: [{port: 443, protocol: TCP}, {port: 6443, protocol: TCP}]
  - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
)yaml";

}  // namespace slipway::cli::internal
