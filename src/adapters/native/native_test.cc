#include "adapters/native/native.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>

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

TEST(NativeBackend, StopsBetweenRowsWhenNobodyWaitsAnyMore) {
  const auto model = NativeBackend().load({kZoo + "xgb_binary_cancer", "model.json"}, {});
  ASSERT_TRUE(model);
  constexpr int64_t kRows = 20'000;
  const TimePoint past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const std::atomic<bool> yes = true, no = false;
  const auto run = [&](int64_t rows, TimePoint deadline, const std::atomic<bool>* cancelled) {
    base::Arena arena;
    const auto input = *tensor::make_tensor(tensor::DataType::kFp32, {rows, 30}, arena);
    std::vector<backend::OutputSlot> outputs(1);
    return (*model)->run({&input, 1}, outputs,
                         {.arena = arena, .deadline = deadline, .cancelled = cancelled});
  };
  const Status late = run(kRows, past, &no), gone = run(kRows, TimePoint::max(), &yes);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(),
            (Error{Code::kTimeout, "the deadline passed after 256 of 20000 rows; send fewer rows at once"}));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error(), (Error{Code::kUnavailable, "cancelled after 256 of 20000 rows"}));
  EXPECT_TRUE(run(kRows, TimePoint::max(), &no));
  EXPECT_TRUE(run(1, past, nullptr));  // it costs less than to refuse
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

}  // namespace
}  // namespace slipway::native
