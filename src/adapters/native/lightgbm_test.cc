#include "adapters/native/lightgbm.h"

#include <gtest/gtest.h>

namespace slipway::native {
namespace {

// A small good file, with one thing in it replaced.
std::string lightgbm_text(const std::string& from = "", const std::string& to = "") {
  std::string text =
      "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=regression\n"
      "feature_names=x\ntree_sizes=1\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0.5\n"
      "decision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=10 20\nis_linear=0\n\n\nend of trees\n";
  if (const size_t at = text.find(from); !from.empty()) text.replace(at, from.size(), to);
  return text;
}

TEST(LightGbm, SaysWhatItDoesNotServe) {
  EXPECT_TRUE(read_lightgbm(lightgbm_text()));
  const struct {
    const char *from, *to, *says;
  } rows[] = {{"decision_type=2", "decision_type=1", "categorical splits are not served"},
              {"is_linear=0", "is_linear=1", "linear trees are not served"},
              {"objective=regression", "objective=banana", "'banana' has no known output transform"}};
  for (const auto& row : rows) {
    const auto file = read_lightgbm(lightgbm_text(row.from, row.to));
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, Code::kUnsupported);
    EXPECT_NE(file.error().message.find(row.says), std::string::npos) << file.error().message;
  }
}

TEST(LightGbm, SkipsTheLinesThatItDoesNotNeed) {
  EXPECT_TRUE(read_lightgbm(lightgbm_text("num_cat=0", "num_cat=0\nnum_cat=0\n=\n=\nshrinkage=1")));
  EXPECT_TRUE(read_lightgbm(lightgbm_text("num_class=1", "a word\n=\nnum_class=1")));
}

TEST(LightGbm, CountsTheNamesOfVeryManyFeaturesAndDoesNotKeepThem) {
  const auto with = [](size_t features, size_t names) {
    std::string list = "feature_names=";
    for (size_t i = 0; i < names; ++i) list += i == 0 ? "x" : " x";
    std::string text = lightgbm_text("feature_names=x", list);
    const std::string_view last = "max_feature_idx=0";
    return read_lightgbm(
        text.replace(text.find(last), last.size(), fmt::format("max_feature_idx={}", features - 1)));
  };
  EXPECT_EQ(with(65'536, 65'536)->feature_names.size(), 65'536U);
  EXPECT_EQ(with(70'000, 70'000)->feature_names.size(), 0U);
  EXPECT_FALSE(with(70'001, 70'000));
}

TEST(LightGbm, RefusesWhatDoesNotHoldTogether) {
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"leaf_value=10 20", "leaf_value=10"},
           {"leaf_value=10 20", "leaf_value=10 20 30"},
           {"leaf_value=10 20", "leaf_value=10 nan"},
           {"threshold=0.5", "threshold=nan"},
           {"left_child=-1", "left_child=0"},
           {"right_child=-2", "right_child=-9"},
           {"num_leaves=2", "num_leaves=0"},
           {"split_feature=0", "split_feature=1"},
           {"num_tree_per_iteration=1", "num_tree_per_iteration=3"},
           {"end of trees", ""},
           {"threshold=0.5", "threshold=0.5\nthreshold=0.5"},
           {"max_feature_idx=0", "max_feature_idx=0\nmax_feature_idx=0"},
           {"feature_names=x", "feature_names=x y"},
           {"num_leaves=2", "Tree=1\nnum_leaves=2"},
           {"decision_type=2", "decision_type=14"}})
    EXPECT_FALSE(read_lightgbm(lightgbm_text(from, to))) << to;
}

}  // namespace
}  // namespace slipway::native
