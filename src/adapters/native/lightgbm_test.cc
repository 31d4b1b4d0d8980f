#include "adapters/native/lightgbm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

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

double answer(const std::string& text, double x) {
  auto file = read_lightgbm(text);
  EXPECT_TRUE(file) << file.error().message;
  if (!file) return 0;
  const auto loaded = make_model(std::move(*file), {});
  base::Arena arena;
  const auto input = *tensor::make_tensor(tensor::DataType::kFp64, {1, 1}, arena);
  input.values<double>()[0] = x;
  std::vector<backend::OutputSlot> outputs(1);
  EXPECT_TRUE(loaded->run({&input, 1}, outputs, {.arena = arena}));
  return outputs[0].tensor.values<double>()[0];
}

double answer_of_objective(const std::string& objective, const std::string& leaves) {
  std::string text = lightgbm_text("objective=regression", "objective=" + objective);
  const std::string_view old = "leaf_value=10 20";
  return answer(text.replace(text.find(old), old.size(), "leaf_value=" + leaves), 0);
}

TEST(LightGbm, SquaresTheSumOfEachObjectiveThatWasTrainedOnRoots) {
  for (const char* name : {"regression", "regression_l1", "fair", "quantile", "mape"}) {
    EXPECT_EQ(answer_of_objective(std::string(name) + " sqrt", "3 0"), 9) << name;
    EXPECT_EQ(answer_of_objective(std::string(name) + " sqrt", "-3 0"), -9) << name;
    EXPECT_EQ(answer_of_objective(name, "-3 0"), -3) << name;
  }
  EXPECT_EQ(answer_of_objective("huber sqrt", "3 0"),
            3);  // sqrt does not change these
  EXPECT_NEAR(answer_of_objective("poisson sqrt", "3 0"), std::exp(3.0), 1e-12);
}

// Below 1e-35 LightGBM sees 0 at every split, whatever counts as missing there.
TEST(LightGbm, TakesValuesInTheZeroWindowAsZero) {
  constexpr double kEdge = 1e-35F;
  for (const char* decision : {"decision_type=0", "decision_type=2", "decision_type=8"}) {
    const auto at = [&](const std::string& threshold, double x) {
      std::string text = lightgbm_text("decision_type=2", decision);
      const std::string_view old = "threshold=0.5";
      return answer(text.replace(text.find(old), old.size(), "threshold=" + threshold), x);
    };
    EXPECT_EQ(at("5e-36", 7e-36), 10) << decision;
    EXPECT_EQ(at("5e-36", kEdge), 10) << decision;
    EXPECT_EQ(at("5e-36", std::nextafter(kEdge, 1.0)), 20) << decision;
    EXPECT_EQ(at("-5e-36", -7e-36), 20) << decision;
    EXPECT_EQ(at("-5e-36", -kEdge), 20) << decision;
    EXPECT_EQ(at("-5e-36", std::nextafter(-kEdge, -1.0)), 10) << decision;
  }
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
