#include "services/gateway/internal/lists.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "services/gateway/testing/world.h"
#include "system/http/address.h"
#include "system/os/descriptor.h"

namespace slipway::gateway {
namespace {

using namespace std::chrono_literals;
using store::Kind;
using testing::deployment;
using testing::slice;
using testing::stored;

constexpr Kind kDeployments = Kind::kModelDeployment, kSlices = Kind::kEndpointSlice;
const Error kNotLooked{Code::kUnavailable, "what runs has not been looked at yet"};

class ListsTest : public ::testing::Test {
 protected:
  void start() {
    lists_.reset();
    lists_ = std::make_unique<Lists>(ListsOptions{.space = "default",
                                                  .sockets = folder_.path(),
                                                  .folder = folder_.file("gateway"),
                                                  .coalesce = 5ms,
                                                  .keep_every = 1s,
                                                  .probe_every = 100ms},
                                     store_, registry_, [this] { ++woken_; });
    lists_->load();
  }
  // Long enough for everything that waits for its time.
  void step() {
    now_ += 2s;
    lists_->step(now_);
  }
  SnapshotPtr snapshot() const { return lists_->published().get(); }
  // "credit: a 0.9 of 2, b 0.1 of 1"
  std::string rows() const {
    std::string out;
    for (const auto& [name, entry] : snapshot()->entries) {
      out += fmt::format("{}{}:", out.empty() ? "" : "; ", name);
      for (const route::Revision& each : entry.row->revisions)
        out += fmt::format(" {} {:.3g} of {}", each.name, each.share, each.endpoints.size());
    }
    return out;
  }
  std::string observed() const {
    std::string out;
    for (const domain::GatewayRow& row : lists_->observed(now_).rows)
      out += fmt::format("{}{}/{} weight {} endpoints {}", out.empty() ? "" : "; ", row.deployment,
                         row.revision, row.weight, row.endpoints);
    return out;
  }
  // Somebody who listens there from now on.
  void listen(const std::string& name) {
    const auto socket = http::listen_on({.kind = http::Address::Kind::kUnix, .path = folder_.file(name)});
    ASSERT_TRUE(socket) << socket.error().message;
    listeners_.emplace_back(*socket);
  }
  void write_file(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(folder_.file("gateway"));
    std::ofstream(folder_.file("gateway/" + name)) << text;
  }
  std::string read_file(const std::string& name) {
    std::ifstream in(folder_.file("gateway/" + name));
    return {std::istreambuf_iterator<char>(in), {}};
  }

  testing::Folder folder_;
  store::ScriptedStore store_;
  telemetry::Registry registry_;
  TimePoint now_{1h};
  int woken_ = 0;
  std::vector<os::Descriptor> listeners_;
  std::unique_ptr<Lists> lists_;
};

TEST_F(ListsTest, ARowComesFromBothListsWhicheverComesFirst) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 90}, {"b", 2, 10}})));
  step();
  EXPECT_EQ(rows(), "credit: a 0 of 0 b 0 of 0");
  store_.put(slice("a", 2, 1));
  step();
  EXPECT_EQ(rows(), "credit: a 1 of 2 b 0 of 0");
  store_.put(slice("b", 1));
  step();
  EXPECT_EQ(rows(), "credit: a 0.9 of 2 b 0.1 of 1");
  store_.erase(kSlices, "a");
  step();
  EXPECT_EQ(rows(), "credit: a 0 of 0 b 1 of 1");
  store_.erase(kDeployments, "credit");
  step();
  EXPECT_EQ(rows(), "");
}

TEST_F(ListsTest, ChangesThatComeTogetherArePublishedOnce) {
  start();
  step();
  const uint64_t number = lists_->published().number();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  lists_->step(now_ + 6ms);
  EXPECT_EQ(lists_->published().number(), number + 1);
  store_.put(slice("a", 1));
  store_.put(slice("a", 2));
  EXPECT_EQ(lists_->step(now_ + 8ms), now_ + 11ms) << "it says when to come again";
  EXPECT_EQ(lists_->published().number(), number + 1);
  lists_->step(now_ + 11ms);
  EXPECT_EQ(lists_->published().number(), number + 2);
  EXPECT_EQ(rows(), "credit: a 1 of 2");
}

TEST_F(ListsTest, IsWokenWhenThereIsSomethingToTakeIn) {
  start();
  step();
  EXPECT_EQ(woken_, 0);
  store_.put(slice("a", 1));
  store_.put(slice("b", 1));
  EXPECT_EQ(woken_, 1);
}

TEST_F(ListsTest, AChangeLeavesTheRowsOfOtherDeploymentsAsTheyAre) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(stored(deployment("wine", {{"w", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  const auto before = snapshot();
  store_.put(slice("w", 1));
  step();
  EXPECT_EQ(snapshot()->entries.at("credit").row, before->entries.at("credit").row);
  EXPECT_EQ(before->entries.at("wine").row->revisions[0].endpoints.size(), 0u)
      << "what was published never changes";
}

TEST_F(ListsTest, HalfAListChangesNothing) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  store_.break_off(kSlices, {Code::kNotFound, "too far back"});
  step();
  store_.hold(kSlices);
  store_.erase(kSlices, "a");
  step();
  EXPECT_EQ(rows(), "credit: a 1 of 1");
  store_.release(kSlices);
  step();
  EXPECT_EQ(rows(), "credit: a 0 of 0");
}

TEST_F(ListsTest, GoesOnWithWhatItKnowsWhileNothingCanBeWatched) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  for (const Kind kind : {kDeployments, kSlices}) {
    store_.refuse(kind, kNotLooked);
    store_.break_off(kind, {Code::kUnavailable, "gone"});
  }
  for (int i = 0; i < 5; ++i) step();
  EXPECT_EQ(rows(), "credit: a 1 of 1");
  store_.put(stored(deployment("credit", {{"a", 1, 0}, {"b", 2, 100}})));
  store_.put(slice("b", 3));
  for (const Kind kind : {kDeployments, kSlices}) store_.let(kind);
  step();
  EXPECT_EQ(rows(), "credit: a 0 of 1 b 1 of 3") << "and it recovers";
}

TEST_F(ListsTest, AListThatCanBeHadIsTakenAtOnce) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  step();
  store_.break_off(kSlices, {Code::kNotFound, "too far back"});
  store_.put(slice("a", 1));
  lists_->step(lists_->step(now_ + 10ms));
  EXPECT_EQ(rows(), "credit: a 1 of 1");
}

TEST_F(ListsTest, BeginsWithTheListsOfTheLastTimeBeforeAnythingAnswers) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 75}, {"b", 2, 25}})));
  store_.put(slice("a", 1));
  store_.put(slice("b", 2));
  step();
  for (const Kind kind : {kDeployments, kSlices}) store_.refuse(kind, kNotLooked);
  start();
  EXPECT_EQ(rows(), "credit: a 0.75 of 1 b 0.25 of 2");
  step();
  EXPECT_EQ(rows(), "credit: a 0.75 of 1 b 0.25 of 2");
}

TEST_F(ListsTest, WhatWasNotLookedAtYetDoesNotTakeEndpointsAway) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(stored(deployment("old", {{"o", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  store_.refuse(kSlices, kNotLooked);
  store_.erase(kDeployments, "old");
  start();
  step();
  EXPECT_EQ(rows(), "credit: a 1 of 1; old: o 0 of 0") << "new weights do not fit old endpoints";
  store_.erase(kSlices, "a");
  store_.put(slice("a", 3));
  store_.let(kSlices);
  step();
  EXPECT_EQ(rows(), "credit: a 1 of 3");
}

TEST_F(ListsTest, AWholeListReplacesTheOneFromDiskAlsoByNothing) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  store_.erase(kSlices, "a");
  start();
  EXPECT_EQ(rows(), "credit: a 1 of 1");
  step();
  EXPECT_EQ(rows(), "credit: a 0 of 0");
}

TEST_F(ListsTest, ADamagedFileIsWorthAsMuchAsNone) {
  for (const Kind kind : {kDeployments, kSlices}) store_.refuse(kind, kNotLooked);
  for (const std::string& text :
       {std::string("["), std::string("{}"), std::string(), std::string("[1,null,{}]"),
        std::string("\0\0", 2), std::string(R"([{"metadata":{"name":7}}])"), std::string(100'000, '['),
        std::string(R"([{"metadata":{"name":"credit"},"spec":{},"status":{"revisions":7}}])")}) {
    write_file("deployments.json", text);
    write_file("endpoints.json", text);
    start();
    step();
    for (const auto& [name, entry] : snapshot()->entries) EXPECT_FALSE(entry.row->is_ready()) << text;
  }
  for (const Kind kind : {kDeployments, kSlices}) store_.let(kind);
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  EXPECT_EQ(rows(), "credit: a 1 of 1");
  start();
  EXPECT_EQ(rows(), "credit: a 1 of 1") << "a good list has taken its place";
}

TEST_F(ListsTest, FilesAreWrittenOnceASecondAndEndWithTheLastWord) {
  start();
  store_.put(slice("a", 1));
  step();
  const std::string first = read_file("endpoints.json");
  ASSERT_NE(first, "");
  store_.put(slice("a", 2));
  lists_->step(now_ + 500ms);
  EXPECT_EQ(read_file("endpoints.json"), first);
  EXPECT_LE(lists_->step(now_ + 600ms), now_ + 1600ms);
  lists_->step(now_ + 1600ms);
  EXPECT_NE(read_file("endpoints.json"), first);
}

TEST_F(ListsTest, AListThatCouldNotBeKeptIsKeptWhenItCanBe) {
  std::ofstream(folder_.file("gateway")) << "a file where the folder should be";
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  EXPECT_EQ(rows(), "credit: a 1 of 1") << "a disk that fails stops nothing";
  std::filesystem::remove(folder_.file("gateway"));
  std::filesystem::create_directories(folder_.file("gateway"));
  step();
  for (const Kind kind : {kDeployments, kSlices}) store_.refuse(kind, kNotLooked);
  start();
  EXPECT_EQ(rows(), "credit: a 1 of 1");
}

TEST_F(ListsTest, AnEndpointCountsWhenItHasConnected) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 2));
  listen("a-0.sock");
  step();
  EXPECT_EQ(observed(), "credit/a weight 100 endpoints 1");
  listen("a-1.sock");
  EXPECT_LE(lists_->step(now_ + 10ms), now_ + 100ms) << "it tries again soon";
  lists_->step(now_ + 100ms);
  EXPECT_EQ(observed(), "credit/a weight 100 endpoints 2");
  store_.put(slice("a", 1, 1));
  step();
  EXPECT_EQ(observed(), "credit/a weight 100 endpoints 1") << "one that is not ready is none";
}

TEST_F(ListsTest, AnAddressIsASocketBelowTheFolderOrAHostWithItsSlicesPort) {
  domain::EndpointSlice of{.name = "x", .revision = "a", .deployment = "d", .endpoints = {}, .port = 8080};
  of.endpoints = {
      {"0", "../x.sock", true}, {"1", "/x.sock", true}, {"2", "x.sock", true}, {"3", "10.0.0.7", true}};
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(domain::to_object(of, "default"));
  step();
  const std::vector<std::string> addresses{"unix:/nowhere", "unix:/nowhere", "unix:" + folder_.file("x.sock"),
                                           "10.0.0.7:8080"};
  EXPECT_EQ(snapshot()->entries.at("credit").addresses, addresses);
}

TEST_F(ListsTest, AStatusWithoutWeightsLeavesTheRowAsItWas) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  store_.put(stored(deployment("credit", {})));
  step();
  EXPECT_EQ(rows(), "credit: a 1 of 1");
}

TEST_F(ListsTest, ADeploymentThatCannotBeReadLeavesItsRowAsItWas) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  store_.put(slice("a", 1));
  step();
  store::Object newer = stored(deployment("credit", {}));
  newer.content = R"({"spec":{"of":"a later version"}})";
  store_.put(newer);
  step();
  EXPECT_EQ(rows(), "credit: a 1 of 1");
}

TEST_F(ListsTest, WhatIsStillAnsweredIsCountedAfterItsRowHasGone) {
  start();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  step();
  const auto stats = snapshot()->entries.at("credit").revisions[0];
  stats->in_flight = 1;
  store_.put(stored(deployment("credit", {{"b", 2, 100}})));
  step();
  store_.put(stored(deployment("credit", {{"a", 1, 100}})));
  step();
  EXPECT_EQ(snapshot()->entries.at("credit").revisions[0], stats);
  EXPECT_EQ(lists_->observed(now_).rows[0].in_flight, 1);
  EXPECT_EQ(lists_->observed(now_).rows[0].idle_seconds, 0);
}

// The two watches come as they like, break off, and begin again: in the end the rows are what the lists say,
// and never in between does a revision get a share that nobody answers for.
TEST_F(ListsTest, TheOrderOfWhatComesDoesNotMatter) {
  std::mt19937 random(5);
  const auto make = [](const std::string& name, int weight, int ready) {
    const std::vector<testing::Given> two{{name + "1", 1, 100 - weight}, {name + "2", 2, weight}};
    return std::pair{stored(deployment(name, two)), slice(name + "2", ready)};
  };
  start();
  for (int round = 0; round < 600; ++round) {
    const std::string name(1, static_cast<char>('a' + random() % 3));
    const auto [object, endpoints] =
        make(name, static_cast<int>(random() % 3) * 50, static_cast<int>(random() % 3));
    const Kind kind = random() % 2 ? kDeployments : kSlices;
    switch (random() % 8) {
      case 0:
      case 1:
        store_.put(object);
        break;
      case 2:
      case 3:
        store_.put(endpoints);
        break;
      case 4:
        store_.erase(kSlices, name + "2");
        break;
      case 5:
        store_.break_off(kind, {Code::kNotFound, "too far back"});
        break;
      case 6:
        random() % 2 ? store_.hold(kind) : store_.release(kind);
        break;
      default:
        step();
    }
    for (const auto& [deployed, entry] : snapshot()->entries) {
      double sum = 0;
      for (const route::Revision& each : entry.row->revisions) {
        sum += each.share;
        EXPECT_TRUE(each.share == 0 || !each.endpoints.empty());
      }
      EXPECT_NEAR(sum, entry.row->is_ready() ? 1 : 0, 1e-9);
    }
  }
  for (const Kind kind : {kDeployments, kSlices}) store_.release(kind);
  for (int i = 0; i < 3; ++i) step();
  const std::string there = rows();
  std::filesystem::remove_all(folder_.file("gateway"));
  start();
  step();
  EXPECT_EQ(rows(), there);
}

}  // namespace
}  // namespace slipway::gateway
