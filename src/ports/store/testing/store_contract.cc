#include "ports/store/testing/store_contract.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include <nlohmann/json.hpp>

namespace slipway::store {

using namespace std::chrono_literals;
using testing::ElementsAre;

const Cause kCause{.actor = {"tester"}, .reason = "Test", .request_id = "r-1"};

Object deployment(const std::string& name, int replicas) {
  const json::Document content{{"spec",
                                {{"model", "credit"},
                                 {"version", 1},
                                 {"replicas", replicas},
                                 {"rollout",
                                  {{"strategy", "immediate"},
                                   {"paused", false},
                                   {"keep", "5m"},
                                   {"deadline", "10m"},
                                   {"onFailure", "rollback"}}}}}};
  return {.key = {Kind::kModelDeployment, "default", name},
          .meta = {},
          .content = json::canonical(content),
          .status = ""};
}

Object StoreContract::deployment(const std::string& name, int replicas) const {
  Object out = store::deployment(name, replicas);
  out.key.space = space();
  return out;
}

namespace {

// Others may want deployment() alone.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

constexpr auto kKind = Kind::kModelDeployment;
constexpr Duration kPatience = 5s;

std::vector<std::string> names(const std::vector<ObjectPtr>& items) {
  std::vector<std::string> out;
  for (const ObjectPtr& item : items) out.push_back(item->key.name);
  return out;
}

// "+a" added, "~a" modified, "-a" deleted, "." everything was listed.
std::string text(const Event& event) {
  switch (event.change) {
    case Change::kAdded:
      return "+" + event.object->key.name;
    case Change::kModified:
      return "~" + event.object->key.name;
    case Change::kDeleted:
      return "-" + event.object->key.name;
    case Change::kListed:
      return ".";
  }
  return "?";
}

std::vector<std::string> take(Watch& watch, size_t count) {
  std::vector<std::string> out;
  while (out.size() < count) {
    auto event = watch.next(kPatience);
    if (!event || !*event) break;
    out.push_back(text(**event));
  }
  return out;
}

TEST_P(StoreContract, GivesWhatWasCreatedWithUidVersionAndGeneration) {
  Object wanted = deployment("credit");
  wanted.meta.labels = {{"team", "risk"}};
  wanted.meta.annotations = {{"note", "a \"quoted\" word"}};
  const auto made = store().create(wanted, kCause);
  ASSERT_TRUE(made) << made.error().message;
  const Object& object = **made;
  EXPECT_EQ(object.meta.uid.size(), 36u);
  EXPECT_GT(object.meta.resource_version, 0u);
  EXPECT_EQ(object.meta.generation, 1);
  EXPECT_EQ(object.meta.created.size(), 20u);
  EXPECT_EQ(object.content, wanted.content);
  const auto got = store().get(key("credit"));
  ASSERT_TRUE(got);
  EXPECT_EQ(**got, object);
}

TEST_P(StoreContract, GivesANewObjectNoStatus) {
  Object wanted = deployment("a");
  wanted.status = R"({"replicas":2})";
  const auto made = store().create(wanted, kCause);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)->status, "");
  EXPECT_EQ((*store().get(key("a")))->status, "");
}

TEST_P(StoreContract, RefusesANameThatIsTaken) {
  ASSERT_TRUE(store().create(deployment("a"), kCause));
  EXPECT_EQ(store().create(deployment("a"), kCause).error().code, Code::kConflict);
}

TEST_P(StoreContract, KnowsNothingOfWhatIsNotThere) {
  EXPECT_EQ(store().get(key("nobody")).error().code, Code::kNotFound);
  EXPECT_EQ(store().update(deployment("nobody"), {}, kCause).error().code, Code::kNotFound);
  EXPECT_EQ(store().update_status(key("nobody"), "{}", {}, kCause).error().code, Code::kNotFound);
  EXPECT_EQ(store().remove(key("nobody"), {}, kCause).error().code, Code::kNotFound);
}

TEST_P(StoreContract, MovesTheGenerationWithTheContentAlone) {
  const auto first = store().create(deployment("a"), kCause);
  ASSERT_TRUE(first);
  Object labelled = **first;
  labelled.meta.labels["x"] = "y";
  const auto second = store().update(labelled, {}, kCause);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ((*second)->meta.generation, 1);
  EXPECT_GT((*second)->meta.resource_version, (*first)->meta.resource_version);
  const auto third = store().update(deployment("a", 3), {}, kCause);
  ASSERT_TRUE(third);
  EXPECT_EQ((*third)->meta.generation, 2);
  EXPECT_EQ((*third)->meta.uid, (*first)->meta.uid);
  EXPECT_EQ((*third)->meta.created, (*first)->meta.created);
}

TEST_P(StoreContract, WritesNothingWhenNothingChanges) {
  const auto first = store().create(deployment("a"), kCause);
  const auto again = store().update(**first, {}, kCause);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->meta.resource_version, (*first)->meta.resource_version);
}

TEST_P(StoreContract, KeepsSpecAndStatusApart) {
  ASSERT_TRUE(store().create(deployment("a"), kCause));
  const auto with_status = store().update_status(key("a"), R"({"replicas":2})", {}, kCause);
  ASSERT_TRUE(with_status) << with_status.error().message;
  EXPECT_EQ((*with_status)->meta.generation, 1);
  const auto scaled = store().update(deployment("a", 5), {}, kCause);
  ASSERT_TRUE(scaled);
  EXPECT_EQ((*scaled)->status, R"({"replicas":2})");
  const auto replaced = store().update_status(key("a"), R"({"url":"http://x"})", {}, kCause);
  ASSERT_TRUE(replaced);
  EXPECT_EQ((*replaced)->status, R"({"url":"http://x"})");
  EXPECT_EQ((*replaced)->content, (*scaled)->content);
}

TEST_P(StoreContract, RefusesAWriteThatSawAnOlderVersionOrAnotherObject) {
  const auto first = store().create(deployment("a"), kCause);
  const Precondition seen{.uid = (*first)->meta.uid, .resource_version = (*first)->meta.resource_version};
  ASSERT_TRUE(store().update(deployment("a", 2), seen, kCause));
  EXPECT_EQ(store().update(deployment("a", 3), seen, kCause).error().code, Code::kConflict);
  EXPECT_EQ(store().update_status(key("a"), "{}", seen, kCause).error().code, Code::kConflict);
  EXPECT_EQ(store().remove(key("a"), seen, kCause).error().code, Code::kConflict);
  const Precondition stranger{.uid = "00000000-0000-4000-8000-000000000000"};
  EXPECT_EQ(store().remove(key("a"), stranger, kCause).error().code, Code::kConflict);
  EXPECT_TRUE(store().remove(key("a"), {.uid = (*first)->meta.uid}, kCause));
}

TEST_P(StoreContract, AnObjectMadeAnewIsAnother) {
  const auto first = store().create(deployment("a"), kCause);
  ASSERT_TRUE(store().remove(key("a"), {}, kCause));
  EXPECT_EQ(store().get(key("a")).error().code, Code::kNotFound);
  const auto second = store().create(deployment("a"), kCause);
  ASSERT_TRUE(second);
  EXPECT_NE((*second)->meta.uid, (*first)->meta.uid);
  EXPECT_GT((*second)->meta.resource_version, (*first)->meta.resource_version);
}

TEST_P(StoreContract, ListsByNameInPages) {
  for (const char* name : {"c", "a", "e", "b", "d"}) ASSERT_TRUE(store().create(deployment(name), kCause));
  const auto all = store().list(kKind, {.space = space()});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_THAT(names(all->items), ElementsAre("a", "b", "c", "d", "e"));
  const auto page = store().list(kKind, {.space = space(), .limit = 2});
  ASSERT_TRUE(page);
  EXPECT_THAT(names(page->items), ElementsAre("a", "b"));
  EXPECT_EQ(page->remaining, 3u);
  EXPECT_EQ(store().list(kKind, {.space = "elsewhere"})->items.size(), 0u);
}

TEST_P(StoreContract, GoesOnBehindAnObjectAtTheSameVersion) {
  for (const char* name : {"a", "b", "c", "d"}) ASSERT_TRUE(store().create(deployment(name), kCause));
  const auto page = store().list(kKind, {.space = space(), .limit = 2});
  ASSERT_TRUE(page);
  ASSERT_TRUE(store().remove(key("c"), {}, kCause));
  ASSERT_TRUE(store().create(deployment("bb"), kCause));
  const auto rest = store().list(
      kKind, {.space = space(), .after_space = space(), .after_name = "b", .at = page->resource_version});
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_THAT(names(rest->items), ElementsAre("c", "d"));
  EXPECT_EQ(rest->resource_version, page->resource_version);
}

TEST_P(StoreContract, AVersionThatHasNotHappenedYetIsSaidToBe) {
  const auto made = store().create(deployment("a"), kCause);
  const uint64_t later = (*made)->meta.resource_version + 1'000'000;
  EXPECT_EQ(store().list(kKind, {.space = space(), .at = later}).error().code, Code::kTimeout);
  auto watch = store().watch(kKind, {.space = space(), .after = later});
  const bool waits = GetParam().future == StoreFactory::Future::kAwaited;
  const auto event =
      watch ? (*watch)->next(waits ? 100ms : kPatience) : Result<std::optional<Event>>(fail(watch.error()));
  if (waits && event)
    EXPECT_FALSE(*event);
  else
    EXPECT_EQ(event.error().code, Code::kTimeout);
}

TEST_P(StoreContract, AListAndAWatchFromItMissNothingAndRepeatNothing) {
  ASSERT_TRUE(store().create(deployment("a"), kCause));
  const auto listing = store().list(kKind, {.space = space()});
  ASSERT_TRUE(store().create(deployment("b"), kCause));
  ASSERT_TRUE(store().update(deployment("a", 7), {}, kCause));
  auto watch = store().watch(kKind, {.space = space(), .after = listing->resource_version});
  ASSERT_TRUE(watch) << watch.error().message;
  EXPECT_THAT(take(**watch, 2), ElementsAre("+b", "~a"));
  ASSERT_TRUE(store().remove(key("b"), {}, kCause));
  EXPECT_THAT(take(**watch, 1), ElementsAre("-b"));
  const auto nothing = (*watch)->try_next();
  ASSERT_TRUE(nothing);
  EXPECT_FALSE(*nothing);
}

TEST_P(StoreContract, AWatchFromNowhereBeginsWithWhatIsThere) {
  ASSERT_TRUE(store().create(deployment("b"), kCause));
  ASSERT_TRUE(store().create(deployment("a"), kCause));
  auto watch = store().watch(kKind, {.space = space(), .after = {}});
  ASSERT_TRUE(watch) << watch.error().message;
  EXPECT_THAT(take(**watch, 3), ElementsAre("+a", "+b", "."));
  ASSERT_TRUE(store().create(deployment("c"), kCause));
  EXPECT_THAT(take(**watch, 1), ElementsAre("+c"));
}

TEST_P(StoreContract, ADeletedObjectIsShownAsItWasWithTheVersionOfItsEnd) {
  const auto made = store().create(deployment("a", 4), kCause);
  auto watch = store().watch(kKind, {.space = space(), .after = (*made)->meta.resource_version});
  ASSERT_TRUE(watch);
  ASSERT_TRUE(store().remove(key("a"), {}, kCause));
  const auto event = (*watch)->next(kPatience);
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->change, Change::kDeleted);
  EXPECT_EQ((*event)->object->content, (*made)->content);
  EXPECT_GT((*event)->resource_version, (*made)->meta.resource_version);
}

TEST_P(StoreContract, AWatcherIsCalledWhenThereIsSomething) {
  std::atomic<int> calls{0};  // outlives the watch, which may call until it is destroyed
  auto watch = store().watch(kKind, {.space = space(), .after = {}});
  ASSERT_TRUE(watch);
  (*watch)->on_ready([&] { ++calls; });
  while (true) {
    const auto event = (*watch)->next(kPatience);
    ASSERT_TRUE(event);
    if (!*event || (*event)->change == Change::kListed) break;
  }
  const auto nothing = (*watch)->try_next();
  ASSERT_TRUE(nothing && !*nothing);
  ASSERT_TRUE(store().create(deployment("a"), kCause));
  EXPECT_THAT(take(**watch, 1), ElementsAre("+a"));
  // The change may be taken a moment before the call comes.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (calls == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_GE(calls.load(), 1);
}

TEST_P(StoreContract, TooOldAVersionIsSaidToBe) {
  const auto first = store().create(deployment("a"), kCause);
  if (GetParam().history > 100) GTEST_SKIP() << "keeps too much for this test";
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(store().update(deployment("a", 2 + i), {}, kCause));
  auto watch = store().watch(kKind, {.space = space(), .after = (*first)->meta.resource_version});
  // Said at once, or with the first that is taken.
  const Error error = watch ? (*watch)->next(kPatience).error() : watch.error();
  EXPECT_EQ(error.code, Code::kNotFound) << error.message;
}

TEST_P(StoreContract, OfManyWritersThatSawTheSameOneWins) {
  const auto first = store().create(deployment("a"), kCause);
  const Precondition seen{.uid = "", .resource_version = (*first)->meta.resource_version};
  std::atomic<int> won{0}, lost{0};
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i)
    writers.emplace_back([&, i] {
      const auto written = store().update(deployment("a", 10 + i), seen, kCause);
      ++(written ? won : lost);
      if (!written) {
        EXPECT_EQ(written.error().code, Code::kConflict) << written.error().message;
      }
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
}

TEST_P(StoreContract, EventsAndEndpointSlicesAreKeptToo) {
  const json::Document about{{"kind", "ModelDeployment"}, {"name", "credit"}, {"namespace", space()}};
  const json::Document content{
      {"count", 1}, {"involvedObject", about}, {"message", "m"}, {"reason", "Pushed"}, {"type", "Normal"}};
  const Object event{.key = {Kind::kEvent, space(), "credit.1"},
                     .meta = {},
                     .content = json::canonical(content),
                     .status = ""};
  const auto made = store().create(event, kCause);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(store().list(Kind::kEvent, {.space = space()})->items.size(), 1u);
}

}  // namespace
}  // namespace slipway::store
