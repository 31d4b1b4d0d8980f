#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/processes/internal/log_file.h"
#include "adapters/processes/internal/told.h"

namespace slipway::processes {
namespace {

using testing::HasSubstr;

const Told kTold{.revision = {.name = "credit-3-8f2a1c40",
                              .deployment = "credit",
                              .model = "score",
                              .version = 3,
                              .digest = "sha256:" + std::string(64, 'a'),
                              .artifact = "score@sha256:" + std::string(64, 'a'),
                              .settings = {.cpu_millis = 1500, .memory_bytes = 1 << 29}},
                 .replicas = 2};

TEST(ToldFile, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_told(to_text(kTold)).value(), kTold);
  Told removed = kTold;
  removed.life = Told::Life::kRemoved;
  EXPECT_EQ(parse_told(to_text(removed)).value(), removed);
}

TEST(ToldFile, AnythingElseIsRefused) {
  const std::string whole = to_text(kTold);
  for (size_t size = 0; size + 2 < whole.size(); ++size) EXPECT_FALSE(parse_told(whole.substr(0, size)));
  EXPECT_FALSE(parse_told("{}"));
  std::string many = whole;
  many.replace(many.find("\"replicas\":2"), 12, "\"replicas\":20000");
  EXPECT_FALSE(parse_told(many));
}

TEST(ReplicaNames, AreTheRevisionsAndAnOrdinal) {
  EXPECT_EQ(replica_name("credit-3-8f2a1c40", 1), "credit-3-8f2a1c40-1");
  const auto parsed = parse_replica_name("credit-3-8f2a1c40-12");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->revision, "credit-3-8f2a1c40");
  EXPECT_EQ(parsed->ordinal, 12);
  for (const char* text : {"", "-1", "credit", "credit-", "credit-x", "../x-1", "a\n-1", "a-99999999999"})
    EXPECT_FALSE(parse_replica_name(text)) << text;
  EXPECT_TRUE(is_replica_id(replica_id("credit-3-8f2a1c40-1")));
  EXPECT_FALSE(is_replica_id("control"));
}

TEST(ReplicaNames, TellWhoseRevisionItIs) {
  const auto guessed = guess_revision("my-credit-3-8f2a1c40");
  ASSERT_TRUE(guessed);
  EXPECT_EQ(guessed->deployment, "my-credit");
  EXPECT_EQ(guessed->version, 3);
  EXPECT_FALSE(guess_revision("gateway"));
}

TEST(LogTail, GivesWholeLinesOfAtMostFourKiB) {
  EXPECT_EQ(tail_of("one\ntwo\n\n"), "one\ntwo");
  std::string long_log;
  for (int i = 0; i < 1000; ++i) long_log += fmt::format("line {}\n", i);
  const std::string tail = tail_of(long_log);
  EXPECT_LE(tail.size(), 4096u);
  EXPECT_GT(tail.size(), 4000u);
  EXPECT_TRUE(tail.starts_with("line "));
  EXPECT_TRUE(tail.ends_with("line 999"));
  EXPECT_EQ(tail_of(std::string(9000, 'x')).size(), 4096u);
}

TEST(LogTail, SaysNothingThatATerminalWouldObey) {
  EXPECT_EQ(tail_of("\x1b[31merror:\x1b[0m bad\r\n\ttwo\a"), "error: bad\n two?");
  EXPECT_EQ(tail_of("caf\xc3\xa9 \xff \xe2\x80\xae \xc2\x9b"), "caf\xc3\xa9 ? ? ?");
}

TEST(LogTail, EndsWithTheErrorOfWhoeverEnded) {
  EXPECT_EQ(last_line("{\"level\":\"info\"}\nerror: model m: no such file"), "model m: no such file");
  EXPECT_EQ(last_line("error: one"), "one");
  EXPECT_EQ(last_line(""), "");
}

}  // namespace
}  // namespace slipway::processes
