#include "ports/store/mirror.h"

#include <gtest/gtest.h>

#include <random>

#include "ports/store/testing/scripted_store.h"

namespace slipway::store {
namespace {

constexpr auto kKind = Kind::kModelDeployment;

Object object(const std::string& name, const std::string& content = "{}", const std::string& uid = "") {
  return {.key = {kKind, "default", name}, .meta = {.uid = uid}, .content = content, .status = {}};
}

template <class Names>
std::string join(const Names& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : " ") + std::string(name);
  return out;
}

class MirrorTest : public testing::Test {
 protected:
  // "+changed *replaced -gone", or the error's message.
  std::string pull() {
    const auto changes = mirror_.pull();
    if (!changes) return changes.error().message;
    return fmt::format("+{} *{} -{}", join(changes->changed), join(changes->replaced), join(changes->gone));
  }
  std::string names() const {
    std::vector<std::string> out;
    for (const auto& [name, held] : mirror_.objects()) out.push_back(name);
    return join(out);
  }

  ScriptedStore store_;
  int woken_ = 0;
  Mirror mirror_{store_, kKind, "default", [this] { ++woken_; }};
};

TEST_F(MirrorTest, BeginsWithWhatIsThereAndThenTellsWhatChanges) {
  store_.put(object("a"));
  store_.put(object("b"));
  EXPECT_EQ(pull(), "+a b * -");
  EXPECT_TRUE(mirror_.synced());
  EXPECT_EQ(woken_, 0);
  store_.put(object("b", "{\"n\":1}"));
  store_.erase(kKind, "a");
  EXPECT_EQ(woken_, 1) << "once, until it was pulled again";
  EXPECT_EQ(pull(), "+b * -a");
  EXPECT_EQ(mirror_.find("b")->content, "{\"n\":1}");
  EXPECT_EQ(mirror_.find("a"), nullptr);
}

TEST_F(MirrorTest, IsNotSyncedBeforeTheListIsComplete) {
  store_.hold(kKind);
  store_.put(object("a"));
  EXPECT_EQ(pull(), "+ * -");
  EXPECT_FALSE(mirror_.synced());
  store_.release(kKind);
  EXPECT_EQ(pull(), "+a * -");
  EXPECT_TRUE(mirror_.synced());
}

TEST_F(MirrorTest, KeepsWhatItHasWhileNothingCanBeWatched) {
  store_.put(object("a"));
  pull();
  store_.refuse(kKind, {Code::kUnavailable, "not looked yet"});
  store_.break_off(kKind, {Code::kUnavailable, "gone"});
  EXPECT_EQ(pull(), "gone");
  EXPECT_EQ(pull(), "not looked yet");
  EXPECT_EQ(names(), "a");
  EXPECT_TRUE(mirror_.synced());
}

TEST_F(MirrorTest, ListsAgainAndTellsWhatVanishedMeanwhile) {
  store_.put(object("a"));
  store_.put(object("b"));
  pull();
  store_.break_off(kKind, {Code::kNotFound, "too far back"});
  store_.erase(kKind, "a");
  store_.put(object("c"));
  EXPECT_EQ(pull(), "too far back");
  store_.hold(kKind);
  EXPECT_EQ(pull(), "+ * -");
  EXPECT_EQ(names(), "a b") << "half a list takes nothing away";
  store_.release(kKind);
  EXPECT_EQ(pull(), "+c * -a");
  EXPECT_EQ(store_.opened(kKind), 2);
}

TEST_F(MirrorTest, TellsWhatCameBeforeAWatchBrokeOff) {
  pull();
  store_.put(object("a"));
  store_.break_off(kKind, {Code::kUnavailable, "gone"});
  EXPECT_EQ(pull(), "+a * -");
  EXPECT_EQ(pull(), "+ * -") << "by the next watch, which lists what is known";
}

TEST_F(MirrorTest, PassesOverWhatIsOlderThanWhatItKnows) {
  store_.put(object("a", "{\"n\":1}"));
  const ObjectPtr old = *store_.get({kKind, "default", "a"});
  store_.put(object("a", "{\"n\":2}"));
  pull();
  store_.tell(kKind, {.change = Change::kModified,
                      .object = old,
                      .before = nullptr,
                      .resource_version = old->meta.resource_version});
  EXPECT_EQ(pull(), "+ * -");
  EXPECT_EQ(mirror_.find("a")->content, "{\"n\":2}");
}

TEST_F(MirrorTest, LateNewsOfWhatIsGoneDoesNotBringItBack) {
  store_.put(object("a"));
  const ObjectPtr was = *store_.get({kKind, "default", "a"});
  pull();
  store_.erase(kKind, "a");
  store_.tell(kKind, {.change = Change::kModified,
                      .object = was,
                      .before = nullptr,
                      .resource_version = was->meta.resource_version});
  EXPECT_EQ(pull(), "+ * -a");
  EXPECT_EQ(names(), "");
}

TEST_F(MirrorTest, AnotherObjectOfTheSameNameIsSaidToReplaceTheFirst) {
  store_.put(object("a", "{}", "uid-1"));
  pull();
  store_.erase(kKind, "a");
  store_.put(object("a", "{}", "uid-2"));
  EXPECT_EQ(pull(), "+a * -a");
  store_.put(object("a", "{}", "uid-3"));
  EXPECT_EQ(pull(), "+a *a -") << "where the end of the first was coalesced away";
}

TEST_F(MirrorTest, AStoreThatHasMovedMayCountAnew) {
  for (int i = 0; i < 5; ++i) store_.put(object("a", fmt::format("{{\"n\":{}}}", i), "uid-1"));
  store_.put(object("b"));
  pull();
  store_.begin_anew({Code::kUnavailable, "gone"});
  store_.put(object("a", "{\"n\":9}", "uid-2"));
  mirror_.reopen();
  EXPECT_EQ(pull(), "+a *a -b");
  EXPECT_EQ(mirror_.find("a")->content, "{\"n\":9}");
}

TEST_F(MirrorTest, AListThatIsOlderThanWhatIsKnownTakesNothingBack) {
  store_.put(object("a", "{}", "uid-1"));
  const ObjectPtr old = *store_.get({kKind, "default", "a"});
  store_.put(object("a", "{}", "uid-2"));
  pull();
  store_.begin_anew({Code::kUnavailable, "gone"});
  store_.put(*old);
  EXPECT_EQ(pull(), "gone");
  EXPECT_EQ(pull(), "+ * -");
  EXPECT_EQ(mirror_.find("a")->meta.uid, "uid-2");
}

TEST_F(MirrorTest, WhatItWroteItselfIsKnownAtOnceAndNeverGoesBack) {
  store_.put(object("a", "{\"n\":1}"));
  pull();
  store_.put(object("a", "{\"n\":2}"));
  mirror_.put(*store_.get({kKind, "default", "a"}));
  EXPECT_EQ(mirror_.find("a")->content, "{\"n\":2}");
  EXPECT_EQ(pull(), "+ * -") << "the watch brings no more than that";
  mirror_.put(std::make_shared<const Object>(object("b")));
  EXPECT_EQ(names(), "a") << "what no watch has told is not there";
}

// Whatever is lost, doubled, late or broken off: when it is over, the mirror holds what the store holds.
TEST_F(MirrorTest, EndsWithWhatIsThereWhateverTheWatchDid) {
  std::mt19937 random(11);
  std::vector<ObjectPtr> seen;
  for (int round = 0; round < 3000; ++round) {
    const std::string name(1, static_cast<char>('a' + random() % 4));
    switch (random() % 7) {
      case 0:
      case 1:
        store_.put(object(name, fmt::format("{{\"n\":{}}}", round)));
        seen.push_back(*store_.get({kKind, "default", name}));
        break;
      case 2:
        store_.erase(kKind, name);
        break;
      case 3:
        store_.break_off(kKind, {Code::kUnavailable, "gone"});
        break;
      case 4:
        random() % 2 ? store_.hold(kKind) : store_.release(kKind);
        break;
      case 5:
        // An object's own later version is all that makes an event late: another's are of another life.
        if (seen.empty()) break;
        if (const ObjectPtr late = seen[random() % seen.size()];
            mirror_.find(late->key.name) && mirror_.find(late->key.name)->meta.uid == late->meta.uid)
          store_.tell(kKind, {.change = Change::kModified,
                              .object = late,
                              .before = nullptr,
                              .resource_version = late->meta.resource_version});
        break;
      default:
        (void)mirror_.pull();
    }
  }
  store_.release(kKind);
  for (int i = 0; i < 3; ++i) (void)mirror_.pull();
  const auto there = store_.list(kKind, {});
  ASSERT_EQ(mirror_.objects().size(), there->items.size());
  for (const ObjectPtr& item : there->items) EXPECT_EQ(*mirror_.find(item->key.name), *item);
}

}  // namespace
}  // namespace slipway::store
