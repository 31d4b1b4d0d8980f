// The installed objects as YAML, as people read them. install_objects.cc puts in what options say: `${image}`
// and its like stand in texts, and lists grow at their end.
#pragma once

#include <string_view>

namespace slipway::cli::internal {

extern const std::string_view kNamespaceTemplate;
extern const std::string_view kModelAccountTemplate;
// Account, Role, RoleBinding, Deployment and PodDisruptionBudget of control or gateway: `${component}`.
extern const std::string_view kWorkloadTemplate;
// What is control's or gateway's own: `rules` of its Role; what is merged into `pod` and `container`.
extern const std::string_view kControlTemplate;
extern const std::string_view kGatewayTemplate;
extern const std::string_view kActingRulesTemplate;    // what control decides on: of its Role or ClusterRole
extern const std::string_view kRegistryRulesTemplate;  // of control with a registry, in its own namespace
extern const std::string_view kClusterControlTemplate;
extern const std::string_view kClusterUsersTemplate;
extern const std::string_view kRegistryTemplate;
extern const std::string_view kServiceTemplate;
extern const std::string_view kIngressTemplate;
extern const std::string_view kRouteTemplate;
extern const std::string_view kPoliciesTemplate;

}  // namespace slipway::cli::internal
