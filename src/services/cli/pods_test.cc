// Pods as an API server shows them, and which gateway is chosen.
#include "services/cli/pods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/cli/contexts.h"

namespace slipway::cli {
namespace {

using testing::HasSubstr;

const Platform kPlatform{.access = {.context = "prod", .server = "https://10.0.0.1:6443", .ns = "risk"},
                         .data = "/data",
                         .chosen = Chosen::kByContext};

PodSeen gateway(std::string name, bool ready) {
  return {.name = std::move(name), .phase = "Running", .ready = ready};
}

TEST(ParsePod, SaysWhetherItTakesRequestsAndWhere) {
  const auto pod = parse_pod(R"({"metadata":{"name":"g-1"},
    "spec":{"nodeName":"node-1","containers":[{"name":"gateway","ports":[{"name":"admin","containerPort":8081},
                                                                         {"name":"http","containerPort":9000}]}]},
    "status":{"phase":"Running","conditions":[{"type":"PodScheduled","status":"True"},{"type":"Ready","status":"True"}],
              "containerStatuses":[{"name":"gateway","restartCount":2,"state":{"running":{}}}]}})");
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_TRUE(pod->ready);
  EXPECT_EQ(pod->node, "node-1");
  EXPECT_EQ(pod->http_port, 9000);
  EXPECT_EQ(pod->containers.at(0).restarts, 2);
  EXPECT_EQ(pod->trouble(), "");
}

TEST(ParsePod, SaysWhatKeepsItFromBeingReady) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]})",
       "Unschedulable"},
      {R"({"phase":"Pending","initContainerStatuses":[{"name":"fetch","state":{"waiting":{"reason":"CrashLoopBackOff"}}}],
           "containerStatuses":[{"name":"server","state":{"waiting":{"reason":"PodInitializing"}}}]})",
       "fetch: CrashLoopBackOff"},
      {R"({"phase":"Pending","initContainerStatuses":[{"name":"fetch","state":{"terminated":{"reason":"Completed","exitCode":0}}}],
           "containerStatuses":[{"name":"server","state":{"waiting":{"reason":"ImagePullBackOff","message":"m"}}}]})",
       "server: ImagePullBackOff"},
      {R"({"phase":"Failed","reason":"Evicted"})", "Evicted"},
      {R"({"phase":"Pending"})", "Pending"},
  };
  for (const auto& [status, trouble] : rows) {
    const auto pod = parse_pod(fmt::format(R"({{"metadata":{{"name":"a"}},"status":{}}})", status));
    ASSERT_TRUE(pod) << status;
    EXPECT_EQ(pod->trouble(), trouble) << status;
  }
}

TEST(ParsePod, HostileOnesAreNoPodsOrEmptyOnes) {
  for (const char* text : {"", "[]", "{}", R"({"metadata":{"name":7}})"})
    EXPECT_FALSE(parse_pod(text)) << text;
  const auto odd = parse_pod(
      R"({"metadata":{"name":"a"},"spec":{"containers":[7,{"ports":[{"name":"http","containerPort":99999}]}]},
          "status":{"conditions":"x","containerStatuses":[7,{"state":[]}]}})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->http_port, 0);
}

TEST(ChooseGateway, TakesAReadyOneAndRatherOneThatStays) {
  PodSeen leaving = gateway("g-0", true);
  leaving.leaving = true;
  const auto chosen = choose_gateway(kPlatform, {leaving, gateway("g-1", false), gateway("g-2", true)});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->str(), "port 8080 of pod 'g-2' in 'risk'");
  EXPECT_EQ(choose_gateway(kPlatform, {leaving})->pod, "g-0");
}

TEST(ChooseGateway, SaysTheNextStepWhenThereIsNone) {
  EXPECT_THAT(choose_gateway(kPlatform, {}).error().message,
              HasSubstr("`slipway install --context prod -n risk --only gateway --apply`"));
  PodSeen stuck = gateway("g-1", false);
  stuck.reason = "Unschedulable";
  const std::string text = choose_gateway(kPlatform, {stuck}).error().message;
  EXPECT_THAT(text, HasSubstr("(g-1: Unschedulable)"));
  EXPECT_THAT(text, HasSubstr("`kubectl describe pod g-1 -n risk`"));
}

TEST(ParsePorts, TakesOneSideOrBoth) {
  EXPECT_EQ(*parse_ports("9000"), (Ports{9000, 0}));
  EXPECT_EQ(*parse_ports("9000:8081"), (Ports{9000, 8081}));
  EXPECT_EQ(*parse_ports(":8081"), (Ports{0, 8081}));
  for (const char* text : {"", ":", "1:", "0", "99999", "a:1", "1:2:3", "-1"})
    EXPECT_FALSE(parse_ports(text)) << text;
}

TEST(ContextsTable, SaysWhoUsesWhatWithoutBeingTold) {
  const std::string text = to_text(
      contexts_table({.access = {.server = "https://127.0.0.1:8090"}, .data = "/data"},
                     {{.name = "prod", .ns = "risk", .server = "https://10.0.0.1:6443", .current = true},
                      {.name = "odd\x1b[1m", .server = ""}}));
  EXPECT_EQ(text,
            "CONTEXT         SERVER                  NAMESPACE  WITHOUT --context\n"
            "(this machine)  https://127.0.0.1:8090  default    slipway: /data\n"
            "prod            https://10.0.0.1:6443   risk       kubectl\n"
            "odd\\x1b[1m      (no such cluster)       default\n");
}

}  // namespace
}  // namespace slipway::cli
