#include "values/domain/model_deployment.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "values/domain/definitions.h"

namespace slipway::domain {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = WallTime{} + 1'764'000'000s + 5ms;

RevisionSpec revision(int64_t version = 3) {
  RevisionSpec out{.name = {},
                   .deployment = "credit",
                   .model = "scores",
                   .version = version,
                   .digest = "sha256:" + std::string(64, 'a'),
                   .artifact = "scores@sha256:" + std::string(64, 'a'),
                   .settings = {.cpu_millis = 500, .memory_bytes = 1 << 20, .timeout = 2s, .queue = 7}};
  out.name = revision_name(out);
  return out;
}

ModelDeploymentStatus status() {
  ModelDeploymentStatus out{
      .observed_generation = 7,
      .desired_replicas = 2,
      .replicas = 3,
      .selector = "slipway.dev/deployment=credit",
      .conditions = {},
      .revisions = {{.revision = revision(),
                     .weight = 90,
                     .ready = 1,
                     .desired = 2,
                     .phase = Phase::kServing,
                     .since = kNow,
                     .fault = {}},
                    {.revision = revision(4),
                     .weight = 10,
                     .ready = 0,
                     .desired = 2,
                     .phase = Phase::kFailed,
                     .since = kNow,
                     .fault = Fault{Reason::kLoadFailed, "line 3: no trees"}}},
      .rollout = {.step = 1, .step_since = kNow, .progress = kNow + 1s, .failed_in = 6, .held_by = "Paused"},
      .url = "http://127.0.0.1:8080/v2/models/credit"};
  set_condition(out.conditions,
                {.type = "Ready",
                 .status = ConditionStatus::kTrue,
                 .reason = Reason::kReady,
                 .message = "all",
                 .observed_generation = 7,
                 .since = {}},
                kNow);
  return out;
}

Object stored(std::string content, std::string status_text = {}) {
  return {.key = {Kind::kModelDeployment, "default", "credit"},
          .meta = {},
          .content = std::move(content),
          .status = std::move(status_text)};
}

TEST(ModelDeployment, TheStatusReadsBackAsItWasWritten) {
  const auto parsed =
      parse_model_deployment(stored(R"({"spec":{"model":"scores","version":3}})", to_status(status())));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->status, status());
  EXPECT_EQ(to_status(parsed->status), to_status(status()));
}

TEST(ModelDeployment, TheSpecReadsBackAsItWasWritten) {
  const ModelDeploymentSpec spec{
      .model = "scores",
      .version = 4,
      .replicas = 0,
      .settings = {.cpu_millis = 1500, .memory_bytes = 1 << 30, .timeout = 90s, .queue = 16},
      .rollout = {.strategy = Strategy::kCanary,
                  .paused = true,
                  .allow_signature_change = true,
                  .keep = 0s,
                  .deadline = 1h,
                  .steps = {{1, 2min}, {50, 1s}},
                  .on_failure = OnFailure::kPause}};
  const auto parsed = parse_model_deployment(stored(to_content(spec).dump()));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->spec, spec);
}

TEST(ModelDeployment, WhatIsWrittenIsWhatTheDefinitionTakes) {
  json::Document object = to_content({.model = "scores", .version = 4, .settings = revision().settings});
  object["apiVersion"] = "slipway.dev/v1alpha1";
  object["kind"] = "ModelDeployment";
  object["metadata"] = {{"name", "credit"}};
  object["status"] = *json::parse_document(to_status(status()));
  const auto& schema = definition(Kind::kModelDeployment).schema;
  EXPECT_EQ(schema::to_text(schema.validate(object, nullptr)), "[]");
  std::vector<std::string> unknown;
  schema.prune(object, unknown);
  EXPECT_EQ(unknown, std::vector<std::string>{});
}

TEST(ModelDeployment, ABrokenStatusCountsAsLostAndABrokenSpecIsRefused) {
  const auto lost =
      parse_model_deployment(stored(R"({"spec":{"model":"m","version":1}})", "{\"revisions\":[1]}"));
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->status, ModelDeploymentStatus{});
  for (const char* bad : {R"({"spec":{"version":1}})", R"({"spec":{"model":"m"}})", "{}", "[",
                          R"({"spec":{"model":"m","version":1,"limits":{"timeout":"soon"}}})"})
    EXPECT_EQ(parse_model_deployment(stored(bad)).error().code, Code::kInvalid) << bad;
}

TEST(RevisionName, ChangesWithWhatRunsAndWithItsSettingsAlone) {
  RevisionSpec other = revision();
  EXPECT_EQ(revision_name(other), revision().name);
  other.artifact = "elsewhere";
  EXPECT_EQ(revision_name(other), revision().name);
  other.settings.queue = 8;
  EXPECT_NE(revision_name(other), revision().name);
  EXPECT_TRUE(revision().name.starts_with("credit-3-"));
}

}  // namespace
}  // namespace slipway::domain
