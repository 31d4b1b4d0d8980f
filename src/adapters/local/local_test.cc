#include "adapters/local/local.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "ports/store/testing/store_contract.h"

namespace slipway::local {
namespace {

using namespace std::chrono_literals;
using store::deployment;
using store::StoreContract;
using store::StoreFactory;
using store::StoreUnderTest;

const store::Cause kCause{.actor = {"tester"}, .reason = "Test", .request_id = "r-1"};
const runtime::RealClock kClock;

// A folder that goes with the test.
struct Folder {
  Folder() {
    std::string pattern = testing::TempDir() + "slipway-local-XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name = "slipway.db") const { return path + "/" + name; }
  std::string path;
};

StoreUnderTest in_memory(size_t history) {
  auto store = Local::open({.path = "", .history = history, .make_uid = {}}, kClock);
  return {.world = nullptr, .store = std::move(*store)};
}

StoreUnderTest with_log(size_t history) {
  auto folder = std::make_shared<Folder>();
  auto store = Local::open({.path = folder->file(), .history = history, .make_uid = {}}, kClock);
  EXPECT_TRUE(store) << store.error().message;
  return {.world = folder, .store = std::move(*store)};
}

INSTANTIATE_TEST_SUITE_P(Local, StoreContract,
                         testing::Values(StoreFactory{"InMemory", [] { return in_memory(4096); }},
                                         StoreFactory{"InMemoryShort", [] { return in_memory(16); }, 16},
                                         StoreFactory{"WithLog", [] { return with_log(4096); }},
                                         StoreFactory{"WithLogShort", [] { return with_log(16); }, 16}),
                         [](const auto& factory) { return factory.param.name; });

std::unique_ptr<Local> open(const Folder& folder, size_t history = 4096) {
  auto store = Local::open({.path = folder.file(), .history = history, .make_uid = {}}, kClock);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

Error open_error(const Folder& folder) {
  auto store = Local::open({.path = folder.file(), .make_uid = {}}, kClock);
  return store ? Error{} : store.error();
}

TEST(LocalLog, WhatWasAcknowledgedIsThereAfterAStart) {
  const Folder folder;
  store::ObjectPtr made, changed;
  {
    const auto store = open(folder);
    made = *store->create(deployment("a"), kCause);
    ASSERT_TRUE(store->create(deployment("gone"), kCause));
    ASSERT_TRUE(store->remove(deployment("gone").key, {}, kCause));
    changed = *store->update_status(made->key, R"({"replicas":1})", {}, kCause);
  }
  const auto store = open(folder);
  EXPECT_EQ(**store->get(made->key), *changed);
  EXPECT_EQ(store->list(store::Kind::kModelDeployment, {})->items.size(), 1u);
}

TEST(LocalLog, NumbersAreNeverGivenTwiceNotEvenThoseOfEvents) {
  const Folder folder;
  uint64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    const auto store = open(folder);
    EXPECT_GE(store->resource_version(), last);
    for (int i = 0; i < 1500; ++i) {
      const auto event = store->create(
          {.key = {store::Kind::kEvent, "default", fmt::format("e{}-{}", round, i)}, .meta = {}}, kCause);
      ASSERT_TRUE(event);
      EXPECT_GT((*event)->meta.resource_version, last);
      last = (*event)->meta.resource_version;
    }
  }
  EXPECT_EQ(open(folder)->list(store::Kind::kEvent, {})->items.size(), 0u);  // they live in memory
}

TEST(LocalLog, EachChangeHasItsAuditRow) {
  const Folder folder;
  {
    const auto store = open(folder);
    ASSERT_TRUE(store->create(deployment("a"), kCause));
    ASSERT_TRUE(store->update(deployment("a", 2), {},
                              {.actor = {"alice"}, .reason = "kubectl-edit", .request_id = "q"}));
    EXPECT_FALSE(store->update(deployment("b", 2), {}, kCause));
    ASSERT_TRUE(store->remove(deployment("a").key, {}, kCause));
  }
  const auto rows = read_audit(folder.file(), 10);
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0].verb, "delete");
  EXPECT_EQ((*rows)[1].actor, "alice");
  EXPECT_EQ((*rows)[1].reason, "kubectl-edit");
  EXPECT_EQ((*rows)[1].key.name, "a");
  EXPECT_EQ((*rows)[2].verb, "create");
}

TEST(LocalLog, AFolderInUseIsRefused) {
  const Folder folder;
  const auto store = open(folder);
  const Error error = open_error(folder);
  EXPECT_EQ(error.code, Code::kConflict);
  EXPECT_THAT(error.message, testing::HasSubstr("in use by another process"));
}

TEST(LocalLog, ADamagedFileIsRefusedAndNamed) {
  const Folder folder;
  {
    const auto store = open(folder);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(store->create(deployment(fmt::format("d{}", i)), kCause));
  }
  const auto size = std::filesystem::file_size(folder.file());
  {
    std::fstream file(folder.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size / 2));
    file << std::string(4096, 'x');
  }
  const Error error = open_error(folder);
  EXPECT_EQ(error.code, Code::kInvalid) << error.message;
  EXPECT_THAT(error.message, testing::HasSubstr(folder.file() + " is damaged"));
}

TEST(LocalLog, WhatIsNoLogOfOursIsRefusedAndLeftAsItIs) {
  const Folder folder;
  std::ofstream(folder.file())
      << "this is a text, and no database of any kind, but long enough to be read as one .....";
  EXPECT_EQ(open_error(folder).code, Code::kInvalid);
  std::filesystem::remove(folder.file());
  ASSERT_EQ(std::system(("/usr/bin/python3 -c \"import sqlite3; c=sqlite3.connect('" + folder.file() +
                         "'); c.execute('create table t(a)'); c.commit()\"")
                            .c_str()),
            0);
  const auto before = std::filesystem::last_write_time(folder.file());
  EXPECT_EQ(open_error(folder).code, Code::kUnsupported);
  EXPECT_EQ(std::filesystem::last_write_time(folder.file()), before);
}

TEST(LocalLog, ANewerFormatAndStrangeTablesAreRefused) {
  const Folder folder;
  open(folder);
  const auto sql = [&](const std::string& text) {
    return std::system(("/usr/bin/python3 -c \"import sqlite3; c=sqlite3.connect('" + folder.file() +
                        "'); c.execute('" + text + "'); c.commit()\"")
                           .c_str());
  };
  ASSERT_EQ(sql("create trigger t after insert on objects begin delete from audit; end"), 0);
  EXPECT_EQ(open_error(folder).code, Code::kInvalid);
  ASSERT_EQ(sql("drop trigger t"), 0);
  EXPECT_EQ(open_error(folder).message, "");
  ASSERT_EQ(sql("pragma user_version=99"), 0);
  EXPECT_THAT(open_error(folder).message, testing::HasSubstr("newer Slipway"));
}

TEST(LocalLog, APageOfThePastIsTheListAsItWas) {
  const Folder folder;
  const auto store = open(folder);
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(store->create(deployment(name), kCause));
  const auto first = store->list(store::Kind::kModelDeployment, {.space = "default", .limit = 1});
  ASSERT_TRUE(store->remove(deployment("c").key, {}, kCause));
  ASSERT_TRUE(store->create(deployment("bb"), kCause));
  ASSERT_TRUE(store->update(deployment("b", 9), {}, kCause));
  const auto rest = store->list(
      store::Kind::kModelDeployment,
      {.space = "default", .after_space = "default", .after_name = "a", .at = first->resource_version});
  ASSERT_TRUE(rest);
  ASSERT_EQ(rest->items.size(), 2u);
  EXPECT_EQ(rest->items[0]->key.name, "b");
  EXPECT_EQ(rest->items[0]->meta.generation, 1);
  EXPECT_EQ(rest->items[1]->key.name, "c");
  EXPECT_EQ(rest->resource_version, first->resource_version);
  EXPECT_EQ(store->list(store::Kind::kModelDeployment, {.at = 999'999}).error().code, Code::kTimeout);
}

TEST(LocalLog, WhatIsTooLargeIsRefusedAndBreaksNothing) {
  const Folder folder;
  const auto store = open(folder);
  store::Object object = deployment("a");
  object.content = std::string(17 << 20, 'x');
  EXPECT_EQ(store->create(object, kCause).error().code, Code::kTooLarge);
  ASSERT_TRUE(store->create(deployment("a"), kCause));
  EXPECT_EQ(store->update_status(object.key, object.content, {}, kCause).error().code, Code::kTooLarge);
  EXPECT_EQ(store->broken(), "");
  EXPECT_TRUE(store->create(deployment("b"), kCause));
}

TEST(LocalWatch, WhoDoesNotTakeIsCutOffAndDelaysNobody) {
  auto store = std::move(*Local::open({.path = "", .history = 8, .make_uid = {}}, kClock));
  auto slow = *store->watch(store::Kind::kModelDeployment, {.space = "", .after = 0});
  auto fast = *store->watch(store::Kind::kModelDeployment, {.space = "", .after = 0});
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(store->create(deployment(fmt::format("d{}", i)), kCause));
    ASSERT_TRUE(*fast->next(1s));
  }
  EXPECT_EQ(slow->try_next().error().code, Code::kNotFound);
}

// Writers, watches that come and go, one that is never read, and the end of the store in the middle.
TEST(LocalWatch, ComeAndGoWhileOthersWriteAndTheStoreEnds) {
  auto store = std::move(*Local::open({.path = "", .history = 64, .make_uid = {}}, kClock));
  std::atomic<int> calls{0};
  const auto stalled = *store->watch(store::Kind::kModelDeployment, {.space = "", .after = 0});
  stalled->on_ready([&] { ++calls; });
  ASSERT_FALSE(*stalled->try_next());
  std::vector<std::jthread> writers, watchers;
  for (int w = 0; w < 3; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; i < 200; ++i) {
        const store::Object object = deployment(fmt::format("d{}", i % 7), i * 3 + w);
        if (!store->create(object, kCause)) static_cast<void>(store->update(object, {}, kCause));
        if (i % 5 == 0) static_cast<void>(store->remove(object.key, {}, kCause));
      }
    });
  for (int w = 0; w < 3; ++w)
    watchers.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        std::atomic<int> mine{0};  // outlives the watch, which may be about to call
        const auto watch = *store->watch(store::Kind::kModelDeployment, {.space = "", .after = {}});
        watch->on_ready([&mine] { ++mine; });
        while (true) {
          const auto event = watch->try_next();
          if (!event || !*event) break;
        }
      }
    });
  std::jthread last([watch = std::shared_ptr<store::Watch>(
                         *store->watch(store::Kind::kModelDeployment, {.space = "", .after = {}}))] {
    while (true) {
      const auto event = watch->next(10s);
      if (event) continue;
      EXPECT_TRUE(event.error().code == Code::kUnavailable || event.error().code == Code::kNotFound);
      return;
    }
  });
  writers.clear();
  watchers.clear();
  EXPECT_EQ(calls, 1) << "once for each time that it gave nothing";
  store.reset();
}

TEST(LocalWatch, EndsWhenTheStoreDoes) {
  auto store = std::move(*Local::open({.path = "", .make_uid = {}}, kClock));
  auto watch = *store->watch(store::Kind::kModelDeployment, {.space = "", .after = 0});
  store.reset();
  EXPECT_EQ(watch->next(1s).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace slipway::local
