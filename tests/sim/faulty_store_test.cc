#include "ports/store/testing/faulty_store.h"

#include <gtest/gtest.h>

#include "adapters/local/local.h"
#include "ports/store/mirror.h"
#include "ports/store/testing/store_contract.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::store {
namespace {

using local::Local;
using runtime::testing::ManualClock;
using namespace std::chrono_literals;

const Cause kCause{.actor = {"tester"}, .reason = "Test", .request_id = {}};

class FaultyStoreTest : public testing::Test {
 protected:
  FaultyStore make(FaultyStore::Options options) {
    return {*under_,
            clock_,
            options,
            {.fate = [this](auto, const auto&) { return fate_; }, .reach = {}, .later = {}}};
  }

  ManualClock clock_;
  std::unique_ptr<Local> under_ = std::move(*Local::open({.path = "", .make_uid = {}}, clock_));
  Fate fate_ = Fate::kHappens;
};

TEST_F(FaultyStoreTest, AMirrorComesToTheSameWhateverItsWatchDoes) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    FaultyStore store = make({.late = 400,
                              .twice = 300,
                              .overtaken = 400,
                              .broken = 100,
                              .old_list = 300,
                              .latest = 2s,
                              .seed = seed});
    Mirror mirror(store, Kind::kModelDeployment, "default", nullptr);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 200; ++i) {
      const std::string name = fmt::format("d{}", random() % 4);
      const ObjectKey key{Kind::kModelDeployment, "default", name};
      if (random() % 4 == 0)
        static_cast<void>(under_->remove(key, {}, kCause));
      else if (!under_->create(deployment(name), kCause))
        static_cast<void>(under_->update(deployment(name, static_cast<int>(random() % 9)), {}, kCause));
      clock_.advance(100ms);
      if (random() % 2 == 0) static_cast<void>(mirror.pull());
    }
    store.options() = {};
    for (int i = 0; i < 5; ++i) clock_.advance(2s), static_cast<void>(mirror.pull());
    const auto all = under_->list(Kind::kModelDeployment, {.space = "default"});
    ASSERT_EQ(mirror.objects().size(), all->items.size()) << "seed " << seed;
    for (const ObjectPtr& object : all->items)
      EXPECT_EQ(*mirror.find(object->key.name), *object) << "seed " << seed;
  }
}

TEST_F(FaultyStoreTest, WritesMeetTheirFate) {
  FaultyStore store = make({});
  fate_ = Fate::kNever;
  EXPECT_EQ(store.create(deployment("a"), kCause).error().code, Code::kUnavailable);
  EXPECT_FALSE(under_->get(deployment("a").key));
  fate_ = Fate::kUnknown;
  EXPECT_EQ(store.create(deployment("a"), kCause).error().code, Code::kUnavailable);
  EXPECT_TRUE(under_->get(deployment("a").key)) << "it happened, and nobody was told";
  fate_ = Fate::kConflict;
  EXPECT_EQ(store.update(deployment("a", 3), {}, kCause).error().code, Code::kConflict);
  fate_ = Fate::kHappens;
  EXPECT_TRUE(store.update(deployment("a", 3), {}, kCause));
}

TEST_F(FaultyStoreTest, WhatIsLateComesInOrderAndWakesUp) {
  std::vector<TimePoint> wakes;
  FaultyStore store(
      *under_, clock_, {.late = 1000, .latest = 3s},
      {.fate = {}, .reach = {}, .later = [&](TimePoint when, const auto&) { wakes.push_back(when); }});
  auto watch = *store.watch(Kind::kModelDeployment, {});
  watch->on_ready([] {});
  for (const char* name : {"a", "b", "c"}) static_cast<void>(under_->create(deployment(name), kCause));
  std::string seen;
  for (int i = 0; i < 40; ++i) {
    while (const auto event = *watch->try_next())
      if (event->object) seen += event->object->key.name;
    clock_.advance(100ms);
  }
  EXPECT_EQ(seen, "abc");
  EXPECT_FALSE(wakes.empty());
}

}  // namespace
}  // namespace slipway::store
