// What status makes of a cluster's objects.
#include "services/cli/cluster_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/cli/status.h"
#include "values/domain/units.h"

namespace slipway::cli {
namespace {

using json::Document;
using testing::HasSubstr;

Document deployment(const std::string& part, int ready, int desired) {
  return {{"metadata",
           {{"name", "slipway-" + part},
            {"labels", {{"app.kubernetes.io/component", part}, {"app.kubernetes.io/version", "0.1.0"}}}}},
          {"spec", {{"replicas", desired}}},
          {"status", {{"readyReplicas", ready}}}};
}

ClusterSeen cluster() {
  return {.context = "prod",
          .server = "https://10.0.0.1:6443",
          .ns = "risk",
          .version = "v1.37.2",
          .parts = parts_of({deployment("gateway", 1, 2), deployment("control", 2, 2)},
                            {{.name = "slipway-gateway-7d-x", .phase = "Pending", .reason = "Unschedulable"},
                             {.name = "slipway-control-5c-y", .phase = "Running", .ready = true}}),
          .leader = "slipway-control-5c-y",
          .options = " --context prod"};
}

TEST(ClusterStatus, ShowsPartsWithTheirLeaderAndTheirTrouble) {
  EXPECT_EQ(cluster_text(cluster()),
            "context prod (https://10.0.0.1:6443), namespace risk, Kubernetes v1.37.2\n"
            "PART     READY  VERSION  LEADER\n"
            "control  2/2      0.1.0  slipway-control-5c-y\n"
            "gateway  1/2      0.1.0  -\n"
            "slipway-gateway-7d-x: Unschedulable\n");
}

TEST(ClusterStatus, SaysHowToInstallWhereNothingIs) {
  ClusterSeen seen = cluster();
  seen.parts.clear();
  EXPECT_THAT(cluster_text(seen), HasSubstr("`slipway install --context prod -n risk --apply`"));
}

TEST(ClusterStatus, IsADocumentForPrograms) {
  const Document document = status_document({.data = "",
                                             .processes = {},
                                             .cluster = cluster(),
                                             .limits = "",
                                             .deployments = {},
                                             .traffic = {},
                                             .problem = ""});
  const Document& seen = document["cluster"];
  EXPECT_EQ(seen["context"], "prod");
  EXPECT_EQ(seen["parts"][0]["name"], "control");
  EXPECT_EQ(seen["parts"][0]["leader"], "slipway-control-5c-y");
  EXPECT_EQ(seen["parts"][1]["trouble"], "slipway-gateway-7d-x: Unschedulable");
}

TEST(LeaderOf, IsWhoHoldsTheLeaseWhileItLasts) {
  const Document lease{{"spec",
                        {{"holderIdentity", "a"},
                         {"leaseDurationSeconds", 15},
                         {"renewTime", "2026-01-01T00:00:00.500000Z"}}}};
  const WallTime renewed = *domain::parse_time("2026-01-01T00:00:00Z");
  EXPECT_EQ(leader_of(lease, renewed + std::chrono::seconds(15)), "a");
  EXPECT_EQ(leader_of(lease, renewed + std::chrono::seconds(16)), "");
  EXPECT_EQ(leader_of(Document::object(), renewed), "");
}

}  // namespace
}  // namespace slipway::cli
