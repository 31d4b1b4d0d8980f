// The power goes at any moment: what was acknowledged is there, and nothing is half done.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <thread>

#include "adapters/local/local.h"
#include "adapters/local/testing/crashing_disk.h"
#include "ports/store/testing/store_contract.h"

namespace slipway::local {
namespace {

using store::deployment;
using Fate = CrashingDisk::Fate;

const store::Cause kCause{.actor = {"tester"}, .reason = "Test", .request_id = ""};
const runtime::RealClock kClock;
constexpr const char* kPath = "slipway.db";
using State = std::map<std::string, store::Object>;

Result<std::unique_ptr<Local>> open_on_disk() {
  return Local::open({.path = kPath, .history = 64, .make_uid = {}, .file_layer = CrashingDisk::kName},
                     kClock);
}

State state_of(Local& store) {
  State out;
  const auto listing = store.list(store::Kind::kModelDeployment, {});
  for (const store::ObjectPtr& object : listing->items) out.emplace(object->key.name, *object);
  return out;
}

// One of the writes that a control makes, chosen by chance.
void write_something(Local& store, std::mt19937& random) {
  const std::string name = fmt::format("d{}", random() % 12);
  switch (random() % 4) {
    case 0:
      static_cast<void>(store.create(deployment(name, static_cast<int>(random() % 100)), kCause));
      return;
    case 1:
      static_cast<void>(store.update(deployment(name, static_cast<int>(random() % 100)), {}, kCause));
      return;
    case 2:
      static_cast<void>(store.update_status(
          deployment(name).key, fmt::format(R"({{"replicas":{}}})", random() % 1000), {}, kCause));
      return;
    default:
      static_cast<void>(store.remove(deployment(name).key, {}, kCause));
  }
}

// What was on the disk when, and what had been acknowledged then.
struct History {
  std::vector<size_t> acknowledged_at;  // operations of the disk when the n-th state was acknowledged
  std::vector<State> states;
};

History record(CrashingDisk& disk, int writes) {
  History out;
  std::mt19937 random(7);
  disk.start({});
  auto store = open_on_disk();
  EXPECT_TRUE(store) << store.error().message;
  out.acknowledged_at.push_back(disk.operations());
  out.states.push_back(state_of(**store));
  for (int i = 0; i < writes; ++i) {
    write_something(**store, random);
    out.acknowledged_at.push_back(disk.operations());
    out.states.push_back(state_of(**store));
  }
  return out;
}

// The store opens, and holds the last state that was acknowledged before the crash, or the one that was on
// its way.
testing::AssertionResult holds(const History& history, size_t operation) {
  size_t last = 0;
  while (last + 1 < history.states.size() && history.acknowledged_at[last + 1] <= operation) ++last;
  auto store = open_on_disk();
  if (!store && operation < history.acknowledged_at[0])
    return testing::AssertionSuccess();  // the very first start: judged below
  if (!store) return testing::AssertionFailure() << "does not open: " << store.error().message;
  const State found = state_of(**store);
  if (found == history.states[last]) return testing::AssertionSuccess();
  if (last + 1 < history.states.size() && found == history.states[last + 1])
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "state " << last << " was acknowledged and is not there";
}

TEST(LocalCrash, NoAcknowledgedWriteIsLostInAnyStateOfTheDisk) {
  CrashingDisk recorder;
  // `make soak` asks for more: the record is then long enough for checkpoints of every kind.
  const char* writes = std::getenv("SLIPWAY_CRASH_WRITES");
  const History history = record(recorder, writes == nullptr ? 150 : std::atoi(writes));
  const size_t operations = recorder.operations();
  std::mt19937 random(11);
  size_t tried = 0;
  for (size_t i = 1; i <= operations; ++i) {
    const bool behind_sync = recorder.is_sync(i - 1);
    std::vector<Fate> fates{Fate::kAnySubset, Fate::kTorn};
    if (behind_sync) fates = {Fate::kNothing, Fate::kAll};
    if (i % 7 == 0) fates.insert(fates.end(), {Fate::kPrefix, Fate::kNothing, Fate::kAll});
    for (const Fate fate : fates) {
      const auto files = recorder.after_crash(i, fate, random);
      CrashingDisk disk;  // the newest is the one that SQLite finds
      disk.start(files);
      ASSERT_TRUE(holds(history, i)) << "operation " << i << " of " << operations << ", fate "
                                     << static_cast<int>(fate);
      ++tried;
    }
  }
  RecordProperty("states", static_cast<int>(tried));
  std::printf("%zu states of the disk after %zu operations\n", tried, operations);
  EXPECT_GE(tried, 1000u);
}

TEST(LocalCrash, AfterAFailedSyncNothingMoreIsAcknowledgedUntilTheNextStart) {
  for (int n = 1; n <= 12; ++n) {
    CrashingDisk disk;
    disk.start({});
    State acknowledged;
    {
      auto store = open_on_disk();
      ASSERT_TRUE(store);
      disk.fail_sync(n);
      bool failed = false;
      for (int i = 0; i < 20; ++i) {
        const auto made = (*store)->create(deployment(fmt::format("d{}", i)), kCause);
        if (made) {
          EXPECT_FALSE(failed) << "went on after a failed sync";
          acknowledged.emplace((*made)->key.name, **made);
        } else {
          EXPECT_EQ(made.error().code, Code::kUnavailable);
          failed = true;
        }
      }
      EXPECT_TRUE(failed);
      EXPECT_NE((*store)->broken(), "");
      EXPECT_EQ(state_of(**store), acknowledged) << "shows what it did not acknowledge";
    }
    auto again = open_on_disk();
    ASSERT_TRUE(again) << again.error().message;
    const State found = state_of(**again);
    for (const auto& [name, object] : acknowledged) EXPECT_EQ(found.at(name), object);
  }
}

TEST(LocalCrash, AFullDiskRefusesThatWriteAndTheNextSucceeds) {
  for (int n = 1; n <= 6; ++n) {
    CrashingDisk disk;
    disk.start({});
    auto store = open_on_disk();
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->create(deployment("before"), kCause));
    disk.fill_up_at_write(n);
    int refused = 0;
    for (int i = 0; i < 6; ++i) {
      const auto made = (*store)->create(deployment(fmt::format("d{}", i)), kCause);
      if (made) continue;
      ++refused;
      EXPECT_EQ(made.error().code, Code::kExhausted) << made.error().message;
      EXPECT_NE(made.error().message.find("full"), std::string::npos);
      EXPECT_FALSE((*store)->get(deployment(fmt::format("d{}", i)).key));
    }
    EXPECT_EQ(refused, 1);
    EXPECT_EQ((*store)->broken(), "");
    const State shown = state_of(**store);
    store->reset();
    EXPECT_EQ(state_of(**open_on_disk()), shown);
  }
}

// Many writes that wait together for the first one, which holds the writer up until they are there.
class WaitingTogether {
 public:
  static constexpr int kWriters = 8;

  // Both are called by the writer: before the first is made, and before each of the others.
  WaitingTogether(std::function<void()> first, std::function<void()> next) {
    auto opened = Local::open({.path = kPath,
                               .history = 64,
                               .make_uid =
                                   [this, first = std::move(first), next = std::move(next)] {
                                     const int number = ++made_;
                                     if (number == 1) hold();
                                     number == 1 ? first() : next();
                                     return fmt::format("uid-{}", number);
                                   },
                               .file_layer = CrashingDisk::kName},
                              kClock);
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
  }

  // The answers' codes; nothing: it was written.
  std::vector<std::optional<Code>> create_all(const std::function<std::string(int)>& name) {
    std::vector<std::optional<Code>> out(kWriters);
    std::thread first([&] { static_cast<void>(store_->create(deployment("first"), kCause)); });
    started_.wait();
    std::vector<std::thread> writers;
    for (int i = 0; i < kWriters; ++i)
      writers.emplace_back([&, i] {
        waiting_.count_down();
        const auto made = store_->create(deployment(name(i)), kCause);
        if (!made) out[static_cast<size_t>(i)] = made.error().code;
      });
    for (std::thread& each : writers) each.join();
    first.join();
    return out;
  }

 private:
  void hold() {
    started_.count_down();
    waiting_.wait();
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();  // they are about to wait
  }

  std::atomic<int> made_{0};
  std::latch started_{1}, waiting_{kWriters};
  std::unique_ptr<Local> store_;
};

TEST(LocalCrash, NobodyIsRefusedOverAWriteThatThenFailed) {
  CrashingDisk disk;
  disk.start({});
  WaitingTogether together([] {}, [&] { disk.fill_up_at_write(1); });
  for (const auto& code : together.create_all([](int) { return "same"; }))
    EXPECT_EQ(code, Code::kExhausted) << "there never was one that could be there already";
}

TEST(LocalCrash, WhoWaitsWhenASyncFailsIsRefusedToo) {
  CrashingDisk disk;
  disk.start({});
  WaitingTogether together([&] { disk.fail_sync(1); }, [] {});
  for (const auto& code : together.create_all([](int i) { return fmt::format("d{}", i); }))
    EXPECT_EQ(code, Code::kUnavailable);
}

}  // namespace
}  // namespace slipway::local
