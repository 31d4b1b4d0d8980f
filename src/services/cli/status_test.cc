#include "services/cli/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

using domain::ConditionStatus;
using domain::ModelDeployment;
using domain::Phase;
using domain::Reason;
using testing::HasSubstr;
using namespace std::chrono_literals;

const WallTime kNow{std::chrono::seconds(1'767'225'600)};  // 2026-01-01T00:00:00Z

ModelDeployment deployment(const std::string& name, int64_t version) {
  ModelDeployment out{.space = "default", .name = name, .uid = "u", .generation = 2};
  out.spec = {.model = "credit", .version = version, .replicas = 2, .settings = {}, .rollout = {}};
  out.status.observed_generation = 2;
  return out;
}

void add(ModelDeployment& to, int64_t version, Phase phase, int weight) {
  to.status.revisions.push_back({.revision = {.name = fmt::format("{}-{}-00000000", to.name, version),
                                              .deployment = to.name,
                                              .model = "credit",
                                              .version = version,
                                              .digest = "sha256:00",
                                              .artifact = "",
                                              .settings = {}},
                                 .weight = weight,
                                 .ready = phase == Phase::kServing ? 2 : 1,
                                 .desired = 2,
                                 .phase = phase,
                                 .fault = {}});
}

void say(ModelDeployment& of, const char* type, ConditionStatus status, Reason reason) {
  of.status.conditions.push_back({.type = type,
                                  .status = status,
                                  .reason = reason,
                                  .message = "words",
                                  .observed_generation = 2,
                                  .since = "2025-12-31T23:00:00Z"});
}

PlatformSeen platform() {
  PlatformSeen out{.data = "/data", .limits = "cgroup v2", .problem = ""};
  out.processes = {{.name = "supervisor", .holder = {}, .address = ""},
                   {.name = "control", .holder = 17, .address = "https://127.0.0.1:8090"}};
  ModelDeployment shifting = deployment("credit", 3), failed = deployment("spam", 2);
  add(shifting, 3, Phase::kShifting, 10);
  add(shifting, 2, Phase::kServing, 90);
  say(shifting, "Ready", ConditionStatus::kFalse, Reason::kShifting);
  say(shifting, "Progressing", ConditionStatus::kTrue, Reason::kShifting);
  add(failed, 2, Phase::kFailed, 0);
  add(failed, 1, Phase::kServing, 100);
  say(failed, "Ready", ConditionStatus::kFalse, Reason::kLoadFailed);
  say(failed, "Progressing", ConditionStatus::kFalse, Reason::kLoadFailed);
  out.deployments = {shifting, failed, deployment("young", 1)};
  out.deployments[2].status = {};
  out.traffic = {{"credit", {.per_second = 12.34, .p50 = 0.00025, .p99 = 1.5}}};
  return out;
}

TEST(StatusText, IsTheWholePlatformOnOneScreen) {
  EXPECT_EQ(status_text(platform(), kNow),
            "data folder /data\n"
            "PROCESS     STATE         PID  ADDRESS\n"
            "supervisor  does not run  -    -\n"
            "control     runs          17   https://127.0.0.1:8090\n"
            "replicas are held to their limits by cgroup v2\n"
            "\n"
            "DEPLOYMENT  MODEL   VERSION  WEIGHTS           READY  STATE       SINCE  REQ/S  P50     P99\n"
            "credit      credit        3  v3 10 %, v2 90 %  3/4    Shifting    60m     12.3  250 µs  1.50 s\n"
            "spam        credit        2  v1 100 %          2/2    LoadFailed  60m      0.0  -       -\n"
            "young       credit        1  -                 0/0    Waiting     -        0.0  -       -\n"
            "\n"
            "credit: Shifting: words\n"
            "spam: LoadFailed: words\n"
            "  `slipway why spam` says more\n"
            "young: control has not taken the change in yet\n");
}

TEST(StatusText, SaysWhyThereIsNothingToShow) {
  PlatformSeen seen{.data = "/data", .limits = "", .problem = "nothing runs in the data folder /data yet"};
  EXPECT_THAT(status_text(seen, kNow), HasSubstr("nothing runs in the data folder"));
  seen.problem.clear();
  EXPECT_THAT(status_text(seen, kNow), HasSubstr("`slipway deploy NAME` makes one"));
}

TEST(StatusDocument, HasWhatTheTextHas) {
  const json::Document out = status_document(platform());
  EXPECT_EQ(out["processes"][1]["pid"], 17);
  EXPECT_EQ(out["processes"][0]["runs"], false);
  EXPECT_EQ(out["deployments"][0]["standing"], "UnderWay");
  EXPECT_EQ(out["deployments"][0]["replicas"], (json::Document{{"ready", 3}, {"desired", 4}}));
  EXPECT_EQ(out["deployments"][0]["traffic"]["p99Seconds"], 1.5);
  EXPECT_FALSE(out["deployments"][1].contains("traffic"));
}

const std::string kMetrics =
    "# TYPE slipway_gateway_requests counter\n"
    "slipway_gateway_requests_total{deployment=\"credit\",revision=\"a\"} 100\n"
    "slipway_gateway_requests_total{deployment=\"credit\",revision=\"b\"} 20 1767225600\n"
    "slipway_gateway_request_seconds_bucket{deployment=\"credit\",le=\"0.001\"} 60\n"
    "slipway_gateway_request_seconds_bucket{deployment=\"credit\",le=\"0.002\"} 118\n"
    "slipway_gateway_request_seconds_bucket{deployment=\"credit\",le=\"+Inf\"} 120\n"
    "other 1e3\n"
    "# EOF\n";

TEST(Metrics, AreReadWithLabelsAndEscapes) {
  const auto samples = parse_metrics("a{x=\"1\\\"2\",y=\"\\\\\"} 1.5\nb +Inf\n");
  ASSERT_TRUE(samples) << samples.error().message;
  EXPECT_EQ((*samples)[0], (MetricSample{.name = "a", .labels = {{"x", "1\"2"}, {"y", "\\"}}, .value = 1.5}));
  for (const char* wrong : {"a", "a{", "a{x} 1", "a{x=\"1} 1", "a one", "{} 1", "a{x=\"\\"})
    EXPECT_FALSE(parse_metrics(wrong)) << wrong;
}

TEST(TrafficBetweenLooks, IsWhatWasAdded) {
  const auto after = parse_metrics(kMetrics);
  ASSERT_TRUE(after) << after.error().message;
  const auto traffic = traffic_between({}, *after, 10s);
  ASSERT_EQ(traffic.size(), 1u);
  EXPECT_DOUBLE_EQ(traffic.at("credit").per_second, 12);
  EXPECT_NEAR(*traffic.at("credit").p50, 0.001, 1e-9);
  EXPECT_NEAR(*traffic.at("credit").p99, 0.002, 1e-9) << "what is beyond the last bound is at least that";
  EXPECT_EQ(traffic_between(*after, *after, 10s).at("credit"), Traffic{});
}

TEST(TrafficBetweenLooks, CountsFromZeroAfterARestart) {
  const auto before = parse_metrics("slipway_gateway_requests_total{deployment=\"credit\"} 5000\n");
  EXPECT_DOUBLE_EQ(traffic_between(*before, *parse_metrics(kMetrics), 1s).at("credit").per_second, 120);
}

}  // namespace
}  // namespace slipway::cli
