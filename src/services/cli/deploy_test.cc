#include "services/cli/deploy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "services/cli/deployments.h"
#include "services/cli/rollout.h"

namespace slipway::cli {
namespace {

using domain::ModelDeployment;
using domain::RolloutStep;
using domain::Strategy;
using json::Document;
using testing::HasSubstr;
using namespace std::chrono_literals;

Arguments said(std::initializer_list<std::pair<const char*, const char*>> words) {
  Arguments out;
  out.set("NAME", {"credit"});
  for (const auto& [name, value] : words) out.set(name, {value});
  return out;
}

Wish resolved(std::initializer_list<std::pair<const char*, const char*>> words) {
  auto wish = parse_wish(said(words));
  EXPECT_TRUE(wish) << wish.error().message;
  Wish out = wish ? *wish : Wish{};
  if (out.model.empty()) out.model = "credit";
  if (!out.version) out.version = 4;
  return out;
}

TEST(Wish, NamesOnlyWhatWasSaid) {
  EXPECT_EQ(spec_patch(resolved({}), nullptr), (Document{{"model", "credit"}, {"version", 4}}));
  EXPECT_EQ(
      spec_patch(resolved({{"--replicas", "2"}, {"--keep", "90s"}, {"--version", "7"}}), nullptr),
      (Document{{"model", "credit"}, {"version", 7}, {"replicas", 2}, {"rollout", {{"keep", "1m30s"}}}}));
}

TEST(Wish, StepsMeanCanary) {
  const Wish wish = resolved({{"--steps", "1:2m,10:5m"}});
  EXPECT_EQ(wish.strategy, Strategy::kCanary);
  EXPECT_EQ(spec_patch(wish, nullptr)["rollout"],
            Document::parse(
                R"({"strategy":"canary","steps":[{"weight":1,"hold":"2m"},{"weight":10,"hold":"5m"}]})"));
  EXPECT_THAT(parse_wish(said({{"--steps", "1:2m"}, {"--strategy", "immediate"}})).error().message,
              HasSubstr("--steps belong to --strategy canary"));
}

TEST(Wish, TheStepsOfBeforeGoWithTheirStrategy) {
  ModelDeployment before;
  before.spec.rollout.strategy = Strategy::kCanary;
  before.spec.rollout.steps = {{.weight = 10, .hold = 1min}};
  EXPECT_EQ(spec_patch(resolved({{"--strategy", "immediate"}}), &before)["rollout"],
            Document::parse(R"({"strategy":"immediate","steps":null})"));
  EXPECT_FALSE(spec_patch(resolved({}), &before).contains("rollout"));
}

TEST(Steps, ArePercentsThatRise) {
  EXPECT_EQ(*parse_steps("1:2m,50:0s"),
            (std::vector<RolloutStep>{{.weight = 1, .hold = 2min}, {.weight = 50, .hold = 0s}}));
  const struct {
    const char *text, *says;
  } rows[] = {{"", "want PERCENT:TIME"},     {"10", "want PERCENT:TIME"},    {"0:1m", "1 to 99 percent"},
              {"100:1m", "1 to 99 percent"}, {"10:soon", "is no time"},      {"10:1m,10:1m", "must rise"},
              {"10:1m,5:1m", "must rise"},   {"10:1m,", "want PERCENT:TIME"}};
  for (const auto& row : rows) {
    const auto steps = parse_steps(row.text);
    ASSERT_FALSE(steps) << row.text;
    EXPECT_THAT(steps.error().message, HasSubstr(row.says));
  }
}

TEST(Numbers, AreWithinTheirBounds) {
  for (const char* wrong : {"-1", "1001", "two", "1.5", "", "99999999999999999999"})
    EXPECT_THAT(parse_wish(said({{"--replicas", wrong}})).error().message,
                HasSubstr("want a number from 0 to 1000"))
        << wrong;
  EXPECT_EQ(parse_wish(said({{"--replicas", "0"}}))->replicas, 0);
  EXPECT_FALSE(parse_wish(said({{"--version", "0"}})));
}

TEST(WaitingOptions, ExcludeEachOther) {
  EXPECT_FALSE(parse_waiting(said({{"--wait", "true"}, {"--no-wait", "true"}})));
  EXPECT_FALSE(parse_waiting(said({{"--timeout", "later"}})));
  const auto waiting = parse_waiting(said({{"--wait", "true"}, {"--timeout", "90s"}}));
  ASSERT_TRUE(waiting);
  EXPECT_TRUE(waiting->wanted);
  EXPECT_EQ(waiting->timeout, Duration(90s));
}

TEST(UnknownDeployments, AreAnsweredWithWhatWasMeantOrWhatThereIs) {
  EXPECT_EQ(meant_or_known("cerdit", {"credit", "spam"}), "; did you mean 'credit'?");
  EXPECT_EQ(meant_or_known("zebra", {"credit", "spam"}), "; there are credit, spam");
  EXPECT_EQ(meant_or_known("zebra", {"credit"}), "; there is credit");
  EXPECT_THAT(meant_or_known("zebra", {}), HasSubstr("`slipway deploy NAME` makes one"));
}

}  // namespace
}  // namespace slipway::cli
