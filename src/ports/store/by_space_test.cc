#include "ports/store/by_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ports/store/mirror.h"
#include "ports/store/testing/scripted_store.h"

namespace slipway::store {
namespace {

constexpr auto kKind = Kind::kModelDeployment;

class BySpaceTest : public testing::Test {
 protected:
  void put(const std::string& space, const std::string& name) {
    below_.put({.key = {kKind, space, name}, .meta = {}, .content = "{}", .status = {}});
  }
  // What a mirror of that namespace has after everything has come.
  static std::string names(Mirror& mirror) {
    std::string out;
    for (const auto& [name, object] : mirror.objects()) out += (out.empty() ? "" : " ") + name;
    return mirror.synced() ? out : "not synced";
  }
  void pull() {
    store_.pump();
    for (Mirror* each : {&red_, &blue_}) static_cast<void>(each->pull());
  }

  ScriptedStore below_;
  BySpace store_{below_, {kKind}, nullptr};
  Mirror red_{store_, kKind, "red", nullptr}, blue_{store_, kKind, "blue", nullptr};
};

TEST_F(BySpaceTest, EachNamespaceIsToldItsOwnByOneWatchOfAll) {
  put("red", "a");
  put("blue", "b");
  pull();
  EXPECT_EQ(names(red_), "a");
  EXPECT_EQ(names(blue_), "b");
  put("red", "c");
  EXPECT_EQ(store_.pump(), (std::set<std::string>{"red"}));
  EXPECT_EQ(red_.pull()->changed, (std::set<std::string>{"c"}));
  EXPECT_EQ(below_.opened(kKind), 1);
  EXPECT_EQ(store_.spaces(kKind), (std::set<std::string>{"red", "blue"}));
}

TEST_F(BySpaceTest, AnEmptyNamespaceIsSaidToBeEmptyOnlyWhenAllHasBeenListed) {
  below_.hold(kKind);
  put("red", "a");
  pull();
  EXPECT_EQ(names(blue_), "not synced");
  EXPECT_FALSE(store_.synced());
  below_.release(kKind);
  pull();
  EXPECT_EQ(names(blue_), "");
}

TEST_F(BySpaceTest, AWatchThatBreaksOffIsBegunAnewForAllAndWhatVanishedIsGone) {
  put("red", "a");
  put("red", "b");
  pull();
  below_.break_off(kKind, {Code::kNotFound, "too old"});
  below_.erase(kKind, "b");
  for (int i = 0; i < 3; ++i) pull();
  EXPECT_EQ(names(red_), "a");
  EXPECT_EQ(below_.opened(kKind), 2);
}

TEST_F(BySpaceTest, ANamespaceThatIsWatchedLaterBeginsWithWhatIsThere) {
  put("green", "x");
  pull();
  Mirror green(store_, kKind, "green", nullptr);
  static_cast<void>(green.pull());
  EXPECT_EQ(names(green), "x");
}

}  // namespace
}  // namespace slipway::store
