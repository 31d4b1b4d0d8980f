#include "services/cli/install_apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/cli/install_wait.h"
#include "system/kube/testing/fake_api.h"

namespace slipway::cli {
namespace {

using json::Document;
using kube::testing::FakeApi;
using ::testing::HasSubstr;

Document deployment(int replicas) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", "slipway-gateway"}, {"namespace", "ml"}}},
          {"spec", {{"replicas", replicas}}}};
}

std::string versioned(Document object, const char* version) {
  object["metadata"]["resourceVersion"] = version;
  return object.dump();
}

constexpr const char* kGet = "GET /apis/apps/v1/namespaces/ml/deployments/slipway-gateway";
constexpr const char* kPatch = "PATCH /apis/apps/v1/namespaces/ml/deployments/slipway-gateway";

std::string conflict(const char* field) {
  return Document{{"kind", "Status"},
                  {"status", "Failure"},
                  {"code", 409},
                  {"reason", "Conflict"},
                  {"message", "Apply failed with 1 conflict"},
                  {"details",
                   {{"causes",
                     {{{"reason", "FieldManagerConflict"},
                       {"message", "conflict with \"kubectl\""},
                       {"field", field}}}}}}}
      .dump();
}

Change applied(FakeApi& api, const ApplyOptions& options = {}) {
  kube::Client client(api.access());
  const auto out = apply_object(client, deployment(2), options);
  EXPECT_TRUE(out) << out.error().error.message;
  return out ? out->change : Change::kKept;
}

TEST(ApplyObject, SaysWhatBecameOfIt) {
  FakeApi created;
  created.will(kPatch, {.status = 201, .body = versioned(deployment(2), "1")});
  EXPECT_EQ(applied(created), Change::kCreated);
  EXPECT_THAT(created.requests()[1].target, HasSubstr("fieldManager=slipway-install"));

  FakeApi configured;
  configured.will(kGet, {.body = versioned(deployment(1), "1")});
  configured.will(kPatch, {.body = versioned(deployment(2), "2")});
  EXPECT_EQ(applied(configured), Change::kConfigured);

  FakeApi unchanged;
  unchanged.will(kGet, {.body = versioned(deployment(2), "7")});
  unchanged.will(kPatch, {.body = versioned(deployment(2), "7")});
  EXPECT_EQ(applied(unchanged), Change::kUnchanged);
}

TEST(ApplyObject, InADryRunComparesWhatWouldBe) {
  FakeApi api;
  api.will(kGet, {.body = versioned(deployment(2), "7")});
  api.will(kPatch, {.body = versioned(deployment(3), "7")});
  EXPECT_EQ(applied(api, {.dry_run = kube::DryRun::kServer}), Change::kConfigured);
  EXPECT_THAT(api.requests()[1].target, HasSubstr("dryRun=All"));
}

TEST(ApplyObject, LeavesTheNumberOfReplicasToWhoeverScales) {
  FakeApi api;
  api.will(kGet, {.body = versioned(deployment(5), "7")});
  api.will(kPatch, {.status = 409, .body = conflict(".spec.replicas")});
  api.will(kPatch, {.body = versioned(deployment(5), "8")});
  kube::Client client(api.access());
  const auto out = apply_object(client, deployment(2), {});
  ASSERT_TRUE(out) << out.error().error.message;
  EXPECT_EQ(out->change, Change::kConfigured);
  EXPECT_THAT(out->note, HasSubstr("replicas"));
  EXPECT_THAT(api.requests()[2].body, ::testing::Not(HasSubstr("replicas")));
}

TEST(ApplyObject, NamesTheNextStepWhereOthersHaveSetAField) {
  FakeApi api;
  api.will(kGet, {.body = versioned(deployment(2), "7")});
  api.will(kPatch,
           {.status = 409, .body = conflict(".spec.template.spec.containers[name=\"gateway\"].image")});
  kube::Client client(api.access());
  const auto out = apply_object(client, deployment(2), {});
  ASSERT_FALSE(out);
  EXPECT_THAT(out.error().error.message, HasSubstr("--force-conflicts"));
}

TEST(Leftovers, AreWhatWasAskedForOnceButNeverModels) {
  InstallOptions now{.ns = "ml", .image = "i", .version = "1"};
  std::vector<std::string> titles;
  for (const Document& each : leftovers(installable_objects("ml"), install_objects(now)))
    titles.push_back(json::text_of(each, "kind") + "/" + json::text_of(each["metadata"], "name"));
  EXPECT_THAT(titles, ::testing::Contains("Service/slipway-registry"));
  EXPECT_THAT(titles, ::testing::Contains("Ingress/slipway-gateway"));
  EXPECT_THAT(titles, ::testing::Contains("ClusterRoleBinding/slipway-control"));
  EXPECT_THAT(titles, ::testing::Not(::testing::Contains("PersistentVolumeClaim/slipway-registry")));
  EXPECT_THAT(titles, ::testing::Not(::testing::Contains("Deployment/slipway-gateway")));
  EXPECT_THAT(titles, ::testing::Not(::testing::Contains(HasSubstr("CustomResourceDefinition"))));
}

TEST(Belonging, IsSaidByLabels) {
  const auto object = [](const char* ns, Document labels) {
    Document out{{"metadata", {{"labels", std::move(labels)}}}};
    if (ns != nullptr) out["metadata"]["namespace"] = ns;
    return out;
  };
  const Document ours{{"app.kubernetes.io/part-of", "slipway"}};
  EXPECT_TRUE(belongs_to(object("ml", ours), "ml"));
  EXPECT_FALSE(belongs_to(object("other", ours), "ml"));
  EXPECT_FALSE(belongs_to(object("ml", {{"app.kubernetes.io/part-of", "x"}}), "ml"));
  EXPECT_FALSE(belongs_to(object(nullptr, ours), "ml")) << "a definition is everyone's";
  Document cluster = ours;
  cluster["slipway.dev/installed-from"] = "ml";
  EXPECT_TRUE(belongs_to(object(nullptr, cluster), "ml"));
  EXPECT_FALSE(belongs_to(object(nullptr, cluster), "other"));
}

struct ReadinessRow {
  const char* why;
  Document status;
  int ready;
  bool complete;
};

TEST(Readiness, CountsReplicasOfTheNewestTemplateAlone) {
  const auto status = [](int observed, int all, int updated, int available) {
    return Document{{"observedGeneration", observed},
                    {"replicas", all},
                    {"updatedReplicas", updated},
                    {"availableReplicas", available}};
  };
  const std::vector<ReadinessRow> rows{
      {"nothing yet", Document::object(), 0, false},
      {"the controller has not looked", status(1, 2, 2, 2), 0, false},
      {"one old is still there", status(2, 3, 2, 2), 1, false},
      {"one is not available", status(2, 2, 2, 1), 1, false},
      {"done", status(2, 2, 2, 2), 2, true},
  };
  for (const ReadinessRow& row : rows) {
    Document object = deployment(2);
    object["metadata"]["generation"] = 2;
    object["status"] = row.status;
    const Readiness now = readiness_of(object, {});
    EXPECT_EQ(now.ready, row.ready) << row.why;
    EXPECT_EQ(now.complete(), row.complete) << row.why;
  }
}

TEST(Readiness, SaysInTheClustersWordsWhatHoldsItUp) {
  const auto pod = [](Document status) { return Document{{"status", std::move(status)}}; };
  const Document pulls =
      pod({{"containerStatuses",
            {{{"state", {{"waiting", {{"reason", "ImagePullBackOff"}, {"message", "no such tag"}}}}}}}}});
  const Document starts =
      pod({{"containerStatuses", {{{"state", {{"waiting", {{"reason", "ContainerCreating"}}}}}}}}});
  const Document waits = pod({{"conditions",
                               {{{"type", "PodScheduled"},
                                 {"status", "False"},
                                 {"reason", "Unschedulable"},
                                 {"message", "0/1 nodes"}}}}});
  EXPECT_EQ(readiness_of(deployment(2), {starts, pulls}).str(),
            "slipway-gateway: 0 of 2 ready (ImagePullBackOff: no such tag)");
  EXPECT_EQ(readiness_of(deployment(2), {waits}).trouble, "Unschedulable: 0/1 nodes");
  EXPECT_EQ(readiness_of(deployment(2), {starts}).trouble, "");
  Document refused = deployment(2);
  refused["status"] = {{"conditions",
                        {{{"type", "ReplicaFailure"},
                          {"status", "True"},
                          {"reason", "FailedCreate"},
                          {"message", "exceeded quota"}}}}};
  EXPECT_EQ(readiness_of(refused, {}).trouble, "FailedCreate: exceeded quota");
}

}  // namespace
}  // namespace slipway::cli
