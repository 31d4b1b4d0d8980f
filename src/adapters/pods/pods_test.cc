// What is written, and what is made of what a cluster says. The environment as a whole runs against a real
// API server in tests/kube.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/pods/internal/seen.h"
#include "ports/environment/testing/environment_contract.h"
#include "system/kube/apply.h"

namespace slipway::pods {
namespace {

using domain::Reason;
using domain::ReplicaState;
using json::Document;
using testing::HasSubstr;

const Options kOptions{.ns = {},
                       .image = "slipway@sha256:1",
                       .registry = "registry.team.svc:5000",
                       .registry_secret = "slipway-registry",
                       .pull_secrets = {"hub"},
                       .cache_claim = "cache",
                       .may_write = {}};

Wanted wanted(std::string artifact = "credit@sha256:ab") {
  Wanted out{.revision = environment::revision("credit", 3), .replicas = 2, .ns = "team", .owner = "u-1"};
  out.revision.digest = "sha256:ab";
  out.revision.artifact = std::move(artifact);
  out.revision.settings = {.cpu_millis = 1500, .memory_bytes = 512'000'000};
  return out;
}

const Document& pod_spec(const Document& deployment) { return deployment["spec"]["template"]["spec"]; }

std::string words(const Document& args) {
  std::string out;
  for (const Document& each : args) out += (out.empty() ? "" : " ") + each.get<std::string>();
  return out;
}

TEST(Manifests, TellAgainWhatWasTold) {
  const Wanted told = wanted();
  Document live = deployment_of(told, kOptions);
  live["metadata"]["uid"] = "d-1";
  live["metadata"]["resourceVersion"] = "7";
  const SeenDeployment seen = see_deployment(live, kOptions);
  EXPECT_EQ(seen.told, told);
  EXPECT_TRUE(seen.as_told);
  EXPECT_EQ(seen.identity, (Identity{"d-1", "7"}));
}

TEST(Manifests, ThatSomebodyChangedAreNotAsTheyWereTold) {
  Document live = deployment_of(wanted(), kOptions);
  live["spec"]["replicas"] = 5;
  EXPECT_FALSE(see_deployment(live, kOptions).as_told);
  EXPECT_EQ(see_deployment(live, kOptions).told->replicas, 2);
  Document service = service_of(wanted());
  EXPECT_TRUE(see_service(service).as_told);
  service["spec"]["selector"]["app"] = "other";
  EXPECT_TRUE(see_service(service).as_told) << "a field that is not ours";
  service["spec"]["ports"][0]["port"] = 1;
  EXPECT_FALSE(see_service(service).as_told);
}

TEST(Manifests, OfAnotherProgramAreNotOurs) {
  Document live = deployment_of(wanted(), kOptions);
  live["metadata"]["annotations"] = Document::object();
  EXPECT_FALSE(see_deployment(live, kOptions).told);
  live["metadata"]["annotations"] = {{std::string(kSpecAnnotation), "{"}};
  EXPECT_FALSE(see_deployment(live, kOptions).told);
}

TEST(Manifests, HavePodsThatTheStrictestProfileTakes) {
  const Document deployment = deployment_of(wanted(), kOptions);
  const Document& pod = pod_spec(deployment);
  EXPECT_EQ(pod["automountServiceAccountToken"], false);
  EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
  EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
  for (const char* list : {"initContainers", "containers"})
    for (const Document& container : pod[list]) {
      EXPECT_EQ(container["securityContext"]["allowPrivilegeEscalation"], false);
      EXPECT_EQ(container["securityContext"]["readOnlyRootFilesystem"], true);
      EXPECT_EQ(container["securityContext"]["capabilities"]["drop"][0], "ALL");
      EXPECT_EQ(container["resources"]["limits"]["memory"], "512M");
      EXPECT_EQ(container["resources"]["requests"]["cpu"], "1500m");
      EXPECT_FALSE(container["resources"]["limits"].contains("cpu"));
    }
}

TEST(Manifests, FetchFromControlsOwnRegistryWhatNamesNoOther) {
  const Document own = deployment_of(wanted(), kOptions);
  EXPECT_EQ(
      words(pod_spec(own)["initContainers"][0]["args"]),
      "fetch credit@sha256:ab --into /model --registry registry.team.svc:5000 --docker-config /registry "
      "--ca-file /registry/ca.crt --docker-config /pull/0 --cache /cache");
  for (const char* artifact :
       {"r.example/team/credit@sha256:ab", "r:5000/credit@sha256:ab", "localhost/a@sha256:ab"}) {
    const Document other = deployment_of(wanted(artifact), kOptions);
    EXPECT_EQ(words(pod_spec(other)["initContainers"][0]["args"]),
              fmt::format("fetch {} --into /model --docker-config /pull/0 --cache /cache", artifact));
  }
  const Document two_parts = deployment_of(wanted("team/credit@sha256:ab"), kOptions);
  EXPECT_THAT(words(pod_spec(two_parts)["initContainers"][0]["args"]), HasSubstr("--registry"));
}

TEST(Manifests, ServeUnderTheDeploymentsNameWhatTheDigestSays) {
  const Document deployment = deployment_of(wanted(), kOptions);
  EXPECT_THAT(words(pod_spec(deployment)["containers"][0]["args"]),
              testing::StartsWith("serve --model credit:3=/model/ab --revision credit-3-"));
  EXPECT_THAT(words(pod_spec(deployment)["containers"][0]["args"]),
              HasSubstr("--expect-digest sha256:ab --listen 0.0.0.0:8080"));
  EXPECT_THAT(words(pod_spec(deployment)["containers"][0]["args"]), HasSubstr("--threads 2"));
}

TEST(Quantities, AreWrittenAsTheServerWritesThem) {
  EXPECT_EQ(cpu_text(1500), "1500m");
  EXPECT_EQ(cpu_text(2000), "2");
  EXPECT_EQ(bytes_text(512'000'000), "512M");
  EXPECT_EQ(bytes_text(536'870'912), "536870912");
  EXPECT_EQ(bytes_text(1'500), "1500");
  EXPECT_EQ(bytes_text(3'000), "3k");
}

// A pod of ours with that status.
SeenPod pod(const char* status, const char* more = "") {
  const std::string text = fmt::format(
      R"({{"metadata":{{"name":"p","labels":{{"slipway.dev/revision":"r","slipway.dev/deployment":"d",
      "app.kubernetes.io/component":"server"}}{}}},"status":{}}})",
      more, status);
  return see_pod(*json::parse_document(text));
}

TEST(Pods, AreReadyWhenTheClusterSaysSo) {
  const SeenPod seen = pod(R"({"podIP":"10.0.0.1","conditions":[{"type":"Ready","status":"True"}],
    "containerStatuses":[{"name":"server","state":{"running":{}}}]})");
  EXPECT_TRUE(seen.ready);
  EXPECT_EQ(seen.state, ReplicaState::kReady);
  EXPECT_EQ(seen.address, "10.0.0.1");
  EXPECT_EQ(seen.revision, "r");
}

TEST(Pods, ThatAreDeletedDrainWhateverElseTheyAre) {
  const SeenPod seen = pod(R"({"conditions":[{"type":"Ready","status":"True"}]})",
                           R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")");
  EXPECT_FALSE(seen.ready);
  EXPECT_EQ(seen.state, ReplicaState::kDraining);
}

struct Case {
  const char* what;
  const char* status;
  ReplicaState state;
  Reason reason;
  const char* message;
  int failures;
};

class PodsThatAreNotReady : public testing::TestWithParam<Case> {};

TEST_P(PodsThatAreNotReady, SayWhy) {
  const Case& c = GetParam();
  const SeenPod seen = pod(c.status);
  EXPECT_EQ(seen.state, c.state) << c.what;
  EXPECT_EQ(seen.failures, c.failures) << c.what;
  ASSERT_TRUE(seen.fault) << c.what;
  EXPECT_EQ(seen.fault->reason, c.reason) << c.what;
  EXPECT_EQ(seen.fault->message, c.message) << c.what;
}

INSTANTIATE_TEST_SUITE_P(
    Table, PodsThatAreNotReady,
    testing::Values(
        Case{"no node takes it",
             R"({"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable",
                 "message":"0/2 nodes are available"}]})",
             ReplicaState::kPreparing, Reason::kUnschedulable, "0/2 nodes are available", 0},
        Case{"its image cannot be pulled",
             R"({"initContainerStatuses":[{"name":"fetch","state":{"waiting":{"reason":"ErrImagePull",
                 "message":"not found"}}}]})",
             ReplicaState::kPreparing, Reason::kImagePullFailed, "not found", 0},
        Case{"the same, said with a pause",
             R"({"initContainerStatuses":[{"name":"fetch","state":{"waiting":{"reason":"ImagePullBackOff",
                 "message":"Back-off pulling image \"x\": ErrImagePull: not found"}}}]})",
             ReplicaState::kPreparing, Reason::kImagePullFailed, "not found", 0},
        Case{"fetching failed",
             R"({"initContainerStatuses":[{"name":"fetch","restartCount":2,
                 "state":{"waiting":{"reason":"CrashLoopBackOff"}},
                 "lastState":{"terminated":{"exitCode":1,"message":"error: nobody answers\nsay --registry\n"}}}]})",
             ReplicaState::kBackingOff, Reason::kFetchFailed, "nobody answers", 2},
        Case{"files were other than their digest",
             R"({"initContainerStatuses":[{"name":"fetch","restartCount":1,
                 "state":{"terminated":{"exitCode":4,"message":"error: not sha256:ab"}}}]})",
             ReplicaState::kPreparing, Reason::kDigestMismatch, "not sha256:ab", 2},
        Case{"the model cannot be served",
             R"({"containerStatuses":[{"name":"server","restartCount":1,"state":{"running":{}},
                 "lastState":{"terminated":{"exitCode":3,"message":"{\"level\":\"info\"}\nerror: no trees"}}}]})",
             ReplicaState::kStarting, Reason::kLoadFailed, "no trees", 1},
        Case{"it wanted too much memory",
             R"({"containerStatuses":[{"name":"server","restartCount":3,
                 "state":{"waiting":{"reason":"CrashLoopBackOff"}},
                 "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]})",
             ReplicaState::kBackingOff, Reason::kOutOfMemory, "it wanted more memory than it may have", 3},
        Case{"a signal ended it",
             R"({"containerStatuses":[{"name":"server","restartCount":1,"state":{"running":{}},
                 "lastState":{"terminated":{"exitCode":139,"message":"last words"}}}]})",
             ReplicaState::kStarting, Reason::kKilled, "it was ended by signal 11; its last line: last words",
             1},
        Case{"it ended once after it had run for long",
             R"({"containerStatuses":[{"name":"server","restartCount":9,"state":{"running":{}},
                 "lastState":{"terminated":{"exitCode":1,"startedAt":"2026-01-01T00:00:00Z",
                 "finishedAt":"2026-01-01T01:00:00Z"}}}]})",
             ReplicaState::kStarting, Reason::kExited, "it ended with code 1", 1}));

TEST(Refusals, AreQuotaOrRulesByTheClustersWords) {
  EXPECT_EQ(refusal_of("pods \"x\" is forbidden: exceeded quota: q, requested: pods=1").reason,
            Reason::kQuotaExceeded);
  EXPECT_EQ(refusal_of("pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\"").reason,
            Reason::kPodRefused);
  EXPECT_EQ(refusal_of("the server is on fire").reason, Reason::kEnvironmentUnavailable);
}

}  // namespace
}  // namespace slipway::pods
