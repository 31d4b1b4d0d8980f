#include "adapters/native/native.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "adapters/native/lightgbm.h"
#include "adapters/native/xgboost.h"
#include "ports/backend/testing/backend_contract.h"
#include "ports/backend/testing/golden.h"

namespace slipway::native {
namespace {

using backend::ModelFiles;

const std::string kZoo = SLIPWAY_TEST_DATA "/zoo/";

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, AnswersBitForBitAsTheFramework) {
  backend::testing::Golden golden;
  ASSERT_NO_FATAL_FAILURE(backend::testing::read_golden(kZoo + GetParam(), golden));
  ASSERT_TRUE(golden.bits);
  int forms = 0;
  for (const char* file : {"model.json", "model.ubj", "model.txt"}) {
    if (!std::filesystem::exists(kZoo + GetParam() + "/" + file)) continue;
    SCOPED_TRACE(file);
    const auto model = NativeBackend().load({kZoo + GetParam(), file}, {});
    ASSERT_TRUE(model) << model.error().message;
    backend::testing::expect_golden(**model, golden);
    ++forms;
  }
  EXPECT_GT(forms, 0);
}

INSTANTIATE_TEST_SUITE_P(Zoo, Golden,
                         testing::Values("xgb_binary_cancer", "xgb_multi_penguins", "xgb_missing_forest",
                                         "xgb_old17_iris", "xgb_poisson_base", "xgb_quantile_shallow",
                                         "xgb_rank_flights", "xgb_reg_flights", "lgb_binary_cancer",
                                         "lgb_multi_digits", "lgb_no_missing", "lgb_zero_missing",
                                         "lgb_poisson_rf"),
                         [](const auto& row) { return std::string(row.param); });

TEST(NativeBackend, HoldsTheContractOfABackend) {
  for (const ModelFiles& files : {ModelFiles{kZoo + "xgb_binary_cancer", "model.json"},
                                  ModelFiles{kZoo + "xgb_multi_penguins", "model.ubj"},
                                  ModelFiles{kZoo + "lgb_multi_digits", "model.txt"}}) {
    SCOPED_TRACE(files.root);
    backend::testing::expect_backend_contract(NativeBackend(), files);
  }
}

TEST(NativeBackend, TakesAnyNumberAsTheFrameworksDo) {
  const auto model = NativeBackend().load({kZoo + "xgb_multi_penguins", "model.json"}, {});
  ASSERT_TRUE(model);
  base::Arena arena;
  const auto floats = *tensor::make_tensor(tensor::DataType::kFp32, {1, 5}, arena);
  const auto integers = *tensor::make_tensor(tensor::DataType::kInt64, {1, 5}, arena);
  for (size_t i = 0; i < 5; ++i) {
    floats.values<float>()[i] = static_cast<float>(40 + i);
    integers.values<int64_t>()[i] = static_cast<int64_t>(40 + i);
  }
  std::vector<backend::OutputSlot> a(1), b(1);
  ASSERT_TRUE((*model)->run(std::span(&floats, 1), a, {.arena = arena}));
  ASSERT_TRUE((*model)->run(std::span(&integers, 1), b, {.arena = arena}));
  EXPECT_EQ(a[0].tensor.values<float>()[1], b[0].tensor.values<float>()[1]);
}

std::string refusal(const std::string& folder, const std::string& file) {
  const auto model = NativeBackend().load({folder, file}, {});
  EXPECT_FALSE(model) << folder;
  return model ? "" : model.error().message;
}

TEST(NativeBackend, NamesTheFileAndThePlaceOfTheFault) {
  const std::string broken = SLIPWAY_TEST_DATA "/broken/";
  const struct {
    const char *name, *file, *says;
  } rows[] = {
      {"xgb_truncated_json", "model.json", "at byte 42413"},
      {"xgb_child_out_of_range", "model.json", "trees["},
      {"xgb_cycle", "model.json", "a cycle"},
      {"xgb_feature_out_of_range", "model.json", "splits on feature"},
      {"xgb_base_score_text", "model.json", "base_score"},
      {"xgb_unknown_objective", "model.json", "binary:banana"},
      {"xgb_deep_json", "model.json", "expected an object"},
      {"xgb_deep_ubj", "model.ubj", "expected an object"},
      {"xgb_huge_key_ubj", "model.ubj", "bytes"},
      {"xgb_duplicate_keys", "model.json", "twice"},
      {"lgb_truncated", "model.txt", "end of trees"},
      {"lgb_cycle", "model.txt", "a cycle"},
      {"lgb_huge_leaf_count", "model.txt", "num_leaves is 2000000000"},
      {"lgb_child_out_of_range", "model.txt", "beyond the tree's"},
  };
  for (const auto& row : rows) {
    const std::string message = refusal(broken + row.name, row.file);
    EXPECT_NE(message.find(row.file), std::string::npos) << message;
    EXPECT_NE(message.find(row.says), std::string::npos) << row.name << ": " << message;
  }
}

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
