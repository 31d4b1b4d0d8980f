#include "services/supervisor/part.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

class PartTest : public testing::Test {
 protected:
  PartTest() { EXPECT_NE(::mkdtemp(folder_.data()), nullptr); }
  ~PartTest() override { std::filesystem::remove_all(folder_); }

  // Ends at once, and notes that it ran.
  Part failing() {
    return Part({.name = "part",
                 .lock = path("part.lock"),
                 .admin = path("part.sock"),
                 .process = {.argv = {"/bin/sh", "-c", "echo ran; echo 'error: no' >&2; exit 1"},
                             .log = path("part.log")}});
  }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  static void wait_for_its_end(const Part& part) {
    pollfd end{.fd = part.descriptor(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&end, 1, 10'000), 1);
  }

  std::string folder_ = "/tmp/slipway_supervisor_XXXXXX";
  TimePoint now_{1h};
};

TEST_F(PartTest, WhatEndedIsStartedAgainAtOnceThenLater) {
  Part part = failing();
  ASSERT_TRUE(part.start(now_));
  const pid_t first = part.pid();
  wait_for_its_end(part);
  EXPECT_EQ(part.step(now_), now_ + 2s) << "at once";
  EXPECT_NE(part.pid(), first);
  wait_for_its_end(part);
  EXPECT_EQ(part.step(now_), now_ + 100ms);
  EXPECT_EQ(part.pid(), 0);
  EXPECT_EQ(part.step(now_ + 99ms), now_ + 100ms);
  EXPECT_EQ(part.step(now_ + 100ms), now_ + 2100ms);
  EXPECT_NE(part.pid(), 0);
  wait_for_its_end(part);
}

TEST_F(PartTest, ItsLastWordsAreThoseSinceItsStart) {
  write("part.log", "error: of the one before\n");
  Part part = failing();
  ASSERT_TRUE(part.start(now_));
  EXPECT_TRUE(part.is_ours());
  wait_for_its_end(part);
  EXPECT_FALSE(part.is_running());
  EXPECT_EQ(part.last_words(), "no");
}

TEST_F(PartTest, WhatCannotBeStartedIsTriedAgain) {
  Part part({.name = "part", .lock = path("lock"), .admin = {}, .process = {.argv = {path("none")}}});
  EXPECT_FALSE(part.start(now_));
  EXPECT_EQ(part.step(now_), now_);
  EXPECT_EQ(part.step(now_), now_ + 100ms);
}

TEST_F(PartTest, StopEndsWhoDoesNotListenToIt) {
  Part part({.name = "part",
             .lock = path("lock"),
             .admin = {},
             .process = {.argv = {"/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"},
                         .log = path("part.log")}});
  ASSERT_TRUE(part.start(now_));
  while (part.last_words() != "deaf") ::poll(nullptr, 0, 1);
  EXPECT_TRUE(part.stop(20ms));
  EXPECT_EQ(part.pid(), 0);
  EXPECT_FALSE(part.stop(20ms)) << "it is not there any more";
}

TEST_F(PartTest, LastWordsAreTheLastErrorElseTheLastLine) {
  write("log", "one\nerror: two\nerror: three\n{\"four\": 4}\n");
  EXPECT_EQ(last_words(path("log"), 0), "three");
  EXPECT_EQ(last_words(path("log"), 28), "{\"four\": 4}");
  EXPECT_EQ(last_words(path("log"), 1'000), "nothing");
  EXPECT_EQ(last_words(path("none"), 0), "nothing");
  write("long", std::string(1 << 20, 'x') + "\nerror: " + std::string(5'000, 'y') + "\n");
  EXPECT_EQ(last_words(path("long"), 0), std::string(600, 'y'));
}

TEST_F(PartTest, ALongLogIsMovedAside) {
  write("log", "short\n");
  EXPECT_EQ(make_room(path("log")), 6U);
  std::filesystem::resize_file(path("log"), 17 << 20);
  EXPECT_EQ(make_room(path("log")), 0U);
  EXPECT_EQ(std::filesystem::file_size(path("log.1")), 17U << 20);
  EXPECT_FALSE(std::filesystem::exists(path("log")));
}

}  // namespace
}  // namespace slipway::supervisor
