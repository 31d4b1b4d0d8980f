// What happens to a change when the machine's clock jumps, and when more than one thing fails.
#include <gtest/gtest.h>

#include "decide/rollout/testing/story.h"

namespace slipway::rollout {
namespace {

using namespace std::chrono_literals;

TEST(Rollout, AClockThatWasSetBackWhileNobodyLookedDoesNotStopAStep) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.canary({{10, 1min}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.routed(2);
  story.look();
  story.restart_at(-24h * 3650);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %");
  story.after(1min);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %");
}

TEST(Rollout, AClockThatWasSetForwardWhileNobodyLookedShortensNoStep) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.canary({{10, 1min}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 1);
  story.routed(2);
  story.look();
  story.restart_at(24h * 3650);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %");
  story.after(1min - 1s);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %");
  story.after(1s);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %");
  story.restart_at(24h * 3650);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %") << "nor what is kept";
}

TEST(Rollout, NothingGoesBackToARevisionThatNobodyAnswersFor) {
  Story story = Story::serving({.version = 1, .replicas = 2});
  story.canary({{10, 1min}});
  story.spec().version = 2;
  story.look();
  story.ready(2, 2);
  story.routed(2);
  story.look();
  story.ready(1, 0);
  story.ready(2, 1);
  story.after(20min);
  EXPECT_EQ(story.look(), "v1 Serving 90 %, v2 Shifting 10 %") << "v2 alone answers, if on one replica";
  story.ready(1, 2);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Failed 0 %");
}

TEST(Rollout, ANewTryWaitsUntilTheReplicasOfTheLastOneHaveGone) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.spec().version = 2;
  story.look();
  story.failing(2, 3, {Reason::kKilled, "signal 11"});
  story.gateway_answers(false);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Failed 0 %");
  story.spec().replicas = 4;
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Draining 0 %") << "its old failures are not the new try's";
  EXPECT_EQ(story.condition("Progressing"), "True Starting");
  EXPECT_EQ(story.condition("Ready"), "False Starting");
  EXPECT_TRUE(story.changing());
  story.gateway_answers(true);
  story.after(100ms);
  EXPECT_EQ(story.look(), "v1 Serving 100 %");
  story.ready(2, 0);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
}

TEST(Rollout, AClockThatWasSetForwardWhileNobodyLookedFailsNothing) {
  Story story = Story::serving({.version = 1, .replicas = 1});
  story.spec().version = 2;
  story.look();
  story.restart_at(24h * 3650);
  EXPECT_EQ(story.look(), "v1 Serving 100 %, v2 Loading 0 %");
  story.after(20s);
  story.ready(2, 1);
  story.routed(2);
  EXPECT_EQ(story.look(), "v1 Kept 0 %, v2 Serving 100 %");
}

}  // namespace
}  // namespace slipway::rollout
