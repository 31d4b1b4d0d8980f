#include "adapters/native/xgboost.h"

#include <gtest/gtest.h>

#include <cmath>

namespace slipway::native {
namespace {

// A model of `groups` trees that are one leaf each: 1, 2, 3 …
std::string model(const std::string& objective, const std::string& base_score, int groups = 1) {
  std::string trees, info;
  for (int i = 0; i < groups; ++i) {
    trees += fmt::format(
        R"({}{{"left_children":[-1],"right_children":[-1],"split_indices":[0],"split_conditions":[{}],"default_left":[0],)"
        R"("tree_param":{{"num_nodes":"1"}}}})",
        i ? "," : "", i + 1);
    info += fmt::format("{}{}", i ? "," : "", i);
  }
  return fmt::format(
      R"({{"learner":{{"gradient_booster":{{"model":{{"tree_info":[{}],"trees":[{}]}},"name":"gbtree"}},)"
      R"("learner_model_param":{{"base_score":"{}","num_class":"{}","num_feature":"1"}},"objective":{{"name":"{}"}}}},"version":[1,7,6]}})",
      info, trees, base_score, groups > 1 ? groups : 0, objective);
}

std::vector<float> answer(const std::string& text) {
  auto file = read_xgboost_json(text);
  EXPECT_TRUE(file) << file.error().message;
  if (!file) return {NAN};
  const auto loaded = make_model(std::move(*file), {});
  base::Arena arena;
  const auto input = *tensor::make_tensor(tensor::DataType::kFp32, {1, 1}, arena);
  std::vector<backend::OutputSlot> outputs(1);
  EXPECT_TRUE(loaded->run({&input, 1}, outputs, {.arena = arena}));
  const auto values = outputs[0].tensor.values<float>();
  return {values.begin(), values.end()};
}

std::string refusal(const std::string& text) {
  const auto file = read_xgboost_json(text);
  EXPECT_FALSE(file);
  return file ? "" : file.error().message;
}

TEST(Xgboost, StartsAtTheBaseScoreInAllItsForms) {
  EXPECT_EQ(answer(model("reg:squarederror", "5E-1"))[0], 1.5F);
  EXPECT_EQ(answer(model("reg:squarederror", "[5E-1]"))[0], 1.5F);
  EXPECT_EQ(answer(model("multi:softmax", "0", 3)), (std::vector<float>{2}));
  EXPECT_EQ(answer(model("multi:softmax", "[9,0,0]", 3)), (std::vector<float>{0}));
}

TEST(Xgboost, GivesEachObjectiveItsOwnAnswer) {
  EXPECT_NEAR(answer(model("binary:logistic", "5E-1"))[0], 1 / (1 + std::exp(-1.0)), 1e-7);
  EXPECT_EQ(answer(model("binary:hinge", "0"))[0], 1.0F);
  EXPECT_EQ(answer(model("binary:hinge", "-2"))[0], 0.0F);
  EXPECT_NEAR(answer(model("count:poisson", "1"))[0], std::exp(1.0), 1e-6);
  const auto shares = answer(model("multi:softprob", "0", 2));
  EXPECT_NEAR(shares[0] + shares[1], 1, 1e-6);
  EXPECT_GT(shares[1], shares[0]);
}

// Its objective is logistic, but its base_score is a margin already.
TEST(Xgboost, TakesTheBaseScoreOfLogitrawAsItIs) {
  EXPECT_EQ(answer(model("binary:logitraw", "5E-1"))[0], 1.5F);
  EXPECT_EQ(answer(model("binary:logitraw", "3E-1"))[0], 1.3F);
  EXPECT_EQ(answer(model("binary:logitraw", "-2"))[0], -1.0F);  // no logit has this
}

// XGBoost stops the exponent at 88.7, so that the probability never becomes 0.
TEST(Xgboost, GivesVeryNegativeMarginsASmallProbability) {
  const auto at = [](const std::string& leaf) {
    std::string text = model("binary:logistic", "5E-1");
    const std::string_view old = R"("split_conditions":[1])";
    return answer(text.replace(text.find(old), old.size(), R"("split_conditions":[)" + leaf + "]"))[0];
  };
  const float least = 1.0F / (1.0F + exp32(88.7F));
  EXPECT_GT(least, 0.0F);
  for (const char* leaf : {"-88.7", "-88.8", "-90", "-200", "-1e30"}) EXPECT_EQ(at(leaf), least) << leaf;
  EXPECT_GT(at("-88"), least);
  EXPECT_EQ(at("1e30"), 1.0F);
}

TEST(Xgboost, SaysWhatItDoesNotServe) {
  EXPECT_NE(refusal(model("binary:banana", "0")).find("'binary:banana' has no known output transform"),
            std::string::npos);
  EXPECT_NE(refusal(model("binary:logistic", "2")).find("out of the objective's range"), std::string::npos);
  EXPECT_NE(refusal(model("reg:squarederror", "[1,2]")).find("has 2 values for 1 outputs"),
            std::string::npos);
  EXPECT_NE(refusal(model("reg:squarederror", "x")).find("is not a number"), std::string::npos);
  EXPECT_NE(refusal("{}").find("has no 'learner'"), std::string::npos);
}

std::string changed(const std::string& from, const std::string& to) {
  std::string text = model("reg:squarederror", "0");
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? "" : text.replace(at, from.size(), to);
}

TEST(Xgboost, ChecksEachTreeWhereItEnds) {
  const std::string rest = "this is not even JSON";
  EXPECT_NE(refusal(R"({"learner":{"gradient_booster":{"model":{"trees":[{}, )" + rest)
                .find("trees[0]: has no nodes"),
            std::string::npos);
  const struct {
    const char *from, *to, *says;
  } rows[] = {
      {R"("right_children":[-1])", R"("right_children":[-1,-1])", "trees[0]: right_children has 2 entries"},
      {R"("num_nodes":"1")", R"("num_nodes":"2")",
       "trees[0]: tree_param.num_nodes is 2, left_children has 1"},
      {R"("left_children":[-1])", R"("left_children":[0])", "trees[0]: node 0 has children 0 and -1"},
      {R"("left_children":[-1])", R"("left_children":[5000000000])", "a number beyond 32 bits"},
      {R"("num_nodes":"1")", R"("num_nodes":"1","num_nodes":"1")", "stands here twice"},
      {R"("version":[1,7,6])", R"("version":[1,2,3,4,5,6,7,8,9])", "version has 9 parts"},
      {R"("num_class")", R"("num_class":"0","num_class")", "stands here twice"},
  };
  for (const auto& row : rows) {
    const std::string message = refusal(changed(row.from, row.to));
    EXPECT_NE(message.find(row.says), std::string::npos) << message;
  }
}

TEST(Xgboost, RefusesCategoricalSplitsByTheirType) {
  const char* const leaf = R"("default_left":[0],)";
  EXPECT_TRUE(read_xgboost_json(changed(leaf, R"("default_left":[0],"split_type":[0],)")));
  const auto file = read_xgboost_json(changed(leaf, R"("default_left":[0],"split_type":[1],)"));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::kUnsupported);
  EXPECT_NE(file.error().message.find("trees[0]: categorical splits are not served"), std::string::npos);
}

// Every numeric datatype becomes the float that the framework makes of it.
TEST(Xgboost, TakesInputsOfEveryNumericDatatype) {
  auto file = read_xgboost_json(
      R"({"learner":{"gradient_booster":{"model":{"tree_info":[0],"trees":[{"left_children":[1,-1,-1],"right_children":[2,-1,-1],)"
      R"("split_indices":[0,0,0],"split_conditions":[0.5,10,20],"default_left":[0,0,0],"tree_param":{"num_nodes":"3"}}]},"name":"gbtree"},)"
      R"("learner_model_param":{"base_score":"0","num_class":"0","num_feature":"1"},"objective":{"name":"reg:squarederror"}}})");
  ASSERT_TRUE(file) << file.error().message;
  const auto loaded = make_model(std::move(*file), {});
  for (int i = 0; i < tensor::kDataTypes; ++i) {
    const auto type = static_cast<tensor::DataType>(i);
    if (type == tensor::DataType::kBytes) continue;
    base::Arena arena;
    const auto input = *tensor::make_tensor(type, {2, 1}, arena);
    tensor::with_type(type, [&]<class T>() {
      if constexpr (std::is_same_v<T, tensor::Half>)
        input.values<T>()[1] = tensor::Half{0x3C00};
      else if constexpr (!std::is_same_v<T, std::string_view>)
        input.values<T>()[1] = static_cast<T>(1);
    });
    std::vector<backend::OutputSlot> outputs(1);
    ASSERT_TRUE(loaded->run({&input, 1}, outputs, {.arena = arena}));
    EXPECT_EQ(outputs[0].tensor.values<float>()[0], 10) << name(type);
    EXPECT_EQ(outputs[0].tensor.values<float>()[1], 20) << name(type);
  }
}

}  // namespace
}  // namespace slipway::native
