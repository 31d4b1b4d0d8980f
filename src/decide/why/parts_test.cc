// The parts below the answer: the table of reasons, messages taken apart, Events and documents.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include <nlohmann/json.hpp>

#include "decide/why/internal/said.h"
#include "decide/why/internal/table.h"

namespace slipway::why {
namespace {

using testing::HasSubstr;

TEST(Table, HasARowForEveryReasonWhoseWordsCanBeFilled) {
  std::set<size_t> ranks;
  for (const Reason reason : domain::all_reasons()) {
    const Row& row = row_of(reason);
    EXPECT_EQ(row.reason, reason) << name(reason);
    ranks.insert(rank_of(reason));
    for (const char* format : {row.finding, row.next, row.hint})
      EXPECT_NO_THROW(static_cast<void>(fill(format, {.name = "credit"}))) << name(reason);
  }
  EXPECT_EQ(ranks.size(), domain::all_reasons().size());
}

TEST(Table, WhatFollowsFromSomethingStandsBelowIt) {
  EXPECT_LT(rank_of(Reason::kLoadFailed), rank_of(Reason::kProgressDeadlineExceeded));
  EXPECT_LT(rank_of(Reason::kHanging), rank_of(Reason::kProgressDeadlineExceeded));
  EXPECT_LT(rank_of(Reason::kProgressDeadlineExceeded), rank_of(Reason::kRolledBack));
  EXPECT_LT(rank_of(Reason::kKilled), rank_of(Reason::kNoReadyReplica));
}

TEST(Table, EveryFaultHasANextStep) {
  for (const Reason reason : domain::all_reasons()) {
    if (row_of(reason).weight != Weight::kFault || reason == Reason::kDeploymentDeleted) continue;
    EXPECT_STRNE(row_of(reason).next, "") << name(reason);
  }
}

TEST(SaidTest, TakesALogAndWhatServesOnApart) {
  const Said both = said("it ended with code 1; its last lines:\nfirst\nsecond\n; credit-1-aa serves on");
  EXPECT_EQ(both.text, "it ended with code 1");
  EXPECT_EQ(both.log, "first\nsecond");
  EXPECT_EQ(said("one line").text, "one line");
  EXPECT_EQ(said("one\ntwo").log, "two");
  EXPECT_EQ(said("").text, "");
}

TEST(SaidTest, FindsTheCount) {
  EXPECT_EQ(after_count("0 of 2 replicas of credit-2-aa are ready; no trees"), "no trees");
  EXPECT_EQ(after_count("0 of 2 replicas of credit-2-aa are ready"),
            "0 of 2 replicas of credit-2-aa are ready");
  EXPECT_EQ(after_count("nothing of the kind"), "nothing of the kind");
  EXPECT_EQ(all_ready("nothing went forward for 10m: 1 of 1 replica of credit-2-aa is ready"), true);
  EXPECT_EQ(all_ready("12 of 13 replicas of credit-2-aa are ready"), false);
  EXPECT_EQ(without_count("nothing went forward for 10m: 1 of 1 replica of credit-2-aa is ready"),
            "nothing went forward for 10m");
  EXPECT_EQ(without_count("it ended 3 times; the last time: no"), "it ended 3 times; the last time: no");
  EXPECT_EQ(all_ready("x of y are ready"), std::nullopt);
  EXPECT_EQ(all_ready(" are ready"), std::nullopt);
}

TEST(SaidTest, FindsTheFaultThatAMessageQuotes) {
  const auto fault = quoted("0 of 1 replica of a is ready; Hanging: it says nothing; Killed: no");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->reason, Reason::kHanging);
  EXPECT_EQ(fault->text, "it says nothing; Killed: no");
  const auto gateway = quoted("1 of 1 replica of a is ready; gateway g does not answer; a-1 serves on");
  ASSERT_TRUE(gateway);
  EXPECT_EQ(gateway->reason, Reason::kGatewayUnreachable);
  EXPECT_EQ(gateway->text, "gateway g does not answer");
  EXPECT_FALSE(quoted("1 of 1 replica of a is ready"));
}

domain::Object object_with(std::string content) {
  return {.key = {domain::Kind::kEvent, "default", "credit.1"}, .meta = {}, .content = std::move(content)};
}

TEST(ParseEvent, TakesWhatMattersOfIt) {
  const auto event = parse_event(object_with(
      R"({"involvedObject":{"kind":"ModelDeployment","name":"credit"},"reason":"LoadFailed","message":"m",
          "type":"Warning","count":3,"firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:00:09Z"})"));
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(*event, (Event{.object = "modeldeployment/credit",
                           .reason = "LoadFailed",
                           .message = "m",
                           .warning = true,
                           .first = "2026-01-01T00:00:00Z",
                           .last = "2026-01-01T00:00:09Z",
                           .count = 3}));
}

TEST(ParseEvent, TakesTheNewerFormOfTimes) {
  const auto event = parse_event(object_with(
      R"({"involvedObject":{"kind":"Pod","name":"a"},"reason":"X","eventTime":"2026-01-01T00:00:00.000000Z"})"));
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(event->last, "2026-01-01T00:00:00.000000Z");
}

TEST(ParseEvent, RefusesWhatIsNone) {
  for (const char* content :
       {"{}", "[]", "3", R"({"reason":"X"})", R"({"involvedObject":{"kind":"Pod","name":"a"}})", "{"})
    EXPECT_FALSE(parse_event(object_with(content))) << content;
}

TEST(AnswerDocument, IsForPrograms) {
  const Answer answer{
      .verdict = Verdict::kWrong,
      .summary = "s",
      .causes = {{.reason = Reason::kLoadFailed,
                  .finding = "f",
                  .evidence = {{.object = "o", .where = "w", .says = "x", .time = "t", .count = 2}},
                  .next = "n",
                  .hint = ""}},
      .decided = {}};
  EXPECT_EQ(
      to_document(answer).dump(),
      R"({"causes":[{"evidence":[{"count":2,"object":"o","says":"x","time":"t","where":"w"}],"finding":"f",)"
      R"("next":"n","reason":"LoadFailed"}],"summary":"s","verdict":"wrong"})");
}

}  // namespace
}  // namespace slipway::why
