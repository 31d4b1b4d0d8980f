// The objects of a revision as server-side apply takes them: exactly the fields that are ours. Pure.
#pragma once

#include <string>

#include "adapters/pods/pods.h"
#include "values/json/document.h"

namespace slipway::pods {

inline constexpr std::string_view kPartOf = "app.kubernetes.io/part-of";
inline constexpr std::string_view kComponent = "app.kubernetes.io/component";
inline constexpr std::string_view kManagedBy = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kRevisionLabel = "slipway.dev/revision";
inline constexpr std::string_view kOurs = "slipway";

// What was told, as annotations of the Deployment.
inline constexpr std::string_view kSpecAnnotation = "slipway.dev/revision-spec";
inline constexpr std::string_view kReplicasAnnotation = "slipway.dev/replicas";

inline constexpr int kHttpPort = 8080, kAdminPort = 8081;

struct Wanted {
  domain::RevisionSpec revision;
  int replicas = 0;
  std::string ns;
  std::string owner;  // the ModelDeployment's uid; empty: nobody owns it

  bool operator==(const Wanted&) const = default;
};

json::Document deployment_of(const Wanted& wanted, const Options& options);
json::Document service_of(const Wanted& wanted);
// So that a drain takes one replica at a time.
json::Document budget_of(const Wanted& wanted);

// Quantities as an API server writes them: "1500m", "2"; "512M", "536870912".
std::string cpu_text(int64_t millis);
std::string bytes_text(int64_t bytes);

}  // namespace slipway::pods
