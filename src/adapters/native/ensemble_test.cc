#include "adapters/native/ensemble.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace slipway::native {
namespace {

// x < threshold (or <=) ? low : high
SourceTree stump(double threshold, double low, double high, bool default_left = false,
                 Missing missing = Missing::kNan) {
  return {.nodes = {{.threshold = threshold,
                     .feature = 0,
                     .left = 1,
                     .right = 2,
                     .default_left = default_left,
                     .missing = missing},
                    {.threshold = low},
                    {.threshold = high}}};
}

template <class T>
T answer(const std::vector<SourceTree>& trees, T x) {
  Ensemble<T> ensemble(1, 1);
  for (const SourceTree& tree : trees) {
    EXPECT_TRUE(check_tree(tree, 1, 1));
    ensemble.add(tree);
  }
  ensemble.seal();
  std::vector<T> row{x, 0}, sums{0};
  ensemble.prepare(row);
  ensemble.walk(row, sums);
  return sums[0];
}

TEST(EnsembleTest, XgboostGoesLeftBelowAndLightGbmAlsoAtTheThreshold) {
  const auto tree = stump(0.5, 1, 2);
  EXPECT_EQ(answer<float>({tree}, 0.5F), 2);
  EXPECT_EQ(answer<double>({tree}, 0.5), 1);
  EXPECT_EQ(answer<float>({tree}, std::nextafter(0.5F, 0.F)), 1);
  EXPECT_EQ(answer<double>({tree}, std::nextafter(0.5, 1.)), 2);
}

TEST(EnsembleTest, MissingValuesGoTheirDefaultWay) {
  EXPECT_EQ(answer<float>({stump(0.5, 1, 2, true)}, NAN), 1);
  EXPECT_EQ(answer<float>({stump(0.5, 1, 2, false)}, NAN), 2);
  EXPECT_EQ(answer<double>({stump(0.5, 1, 2, true)}, NAN), 1);
  EXPECT_EQ(answer<double>({stump(0.5, 1, 2, false)}, NAN), 2);
}

TEST(EnsembleTest, LightGbmReadsNanAsZeroUnlessNanIsMissing) {
  EXPECT_EQ(answer<double>({stump(-1, 1, 2, true, Missing::kNone)}, NAN), 2);  // 0 is above -1
  EXPECT_EQ(answer<double>({stump(-1, 1, 2, true, Missing::kZero)}, NAN),
            1);  // 0 is missing: the default way
  EXPECT_EQ(answer<double>({stump(-1, 1, 2, true, Missing::kZero)}, static_cast<double>(1e-35F)), 1);
  EXPECT_EQ(answer<double>({stump(-1, 1, 2, true, Missing::kZero)}, 1e-34), 2);
}

TEST(EnsembleTest, InfinitiesAreNumbers) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(answer<double>({stump(0.5, 1, 2)}, kInf), 2);
  EXPECT_EQ(answer<double>({stump(0.5, 1, 2)}, -kInf), 1);
  EXPECT_EQ(answer<double>({stump(kInf, 1, 2)}, kInf), 1);
}

TEST(EnsembleTest, SumsTreesInTheirOrderHoweverManyThereAre) {
  for (size_t count : {1u, 7u, 8u, 9u, 17u}) {
    std::vector<SourceTree> trees;
    float expected = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto leaf = static_cast<float>(std::pow(10.0, static_cast<double>(i % 9)));
      trees.push_back(i % 3 == 0 ? SourceTree{.nodes = {{.threshold = leaf}}} : stump(0.5, leaf, -1));
      expected += leaf;
    }
    EXPECT_EQ(answer<float>(trees, 0), expected) << count;
  }
}

TEST(EnsembleTest, AddsEachTreeToItsOwnOutput) {
  Ensemble<double> ensemble(1, 2);
  for (int32_t group : {0, 1, 1}) ensemble.add({.nodes = {{.threshold = 5}}, .group = group});
  ensemble.seal();
  std::vector<double> row{0, 0}, sums{100, 200};
  ensemble.prepare(row);
  ensemble.walk(row, sums);
  EXPECT_EQ(sums, (std::vector<double>{105, 210}));
}

TEST(CheckTree, RefusesWhatDoesNotHoldTogether) {
  const auto with = [](auto change) {
    SourceTree tree = stump(0.5, 1, 2);
    change(tree);
    return check_tree(tree, 1, 1);
  };
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes.clear(); }));
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes[0].left = 3; }));
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes[0].left = -1; }));
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes[0].left = 0; }));
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes[0].left = 2; }));
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes[0].feature = 1; }));
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes[0].feature = -1; }));
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes[0].threshold = NAN; }));
  EXPECT_FALSE(with([](SourceTree& t) { t.nodes[1].threshold = INFINITY; }));
  EXPECT_FALSE(with([](SourceTree& t) { t.group = 1; }));
  EXPECT_TRUE(
      with([](SourceTree& t) { t.nodes.push_back({.threshold = NAN}); }));  // deleted, and not reached
}

TEST(CheckTree, RefusesATreeThatIsAChainWithoutEnd) {
  SourceTree chain;
  for (int32_t i = 0; i < 10'002; ++i) {
    chain.nodes.push_back({.threshold = 0, .left = 2 * i + 2, .right = 2 * i + 1});
    chain.nodes.push_back({.threshold = 1});
  }
  chain.nodes.push_back({.threshold = 1});
  EXPECT_NE(check_tree(chain, 1, 1).error().message.find("deeper than 10000"), std::string::npos);
}

}  // namespace
}  // namespace slipway::native
