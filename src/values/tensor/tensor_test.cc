#include "values/tensor/tensor.h"

#include <gtest/gtest.h>

#include "values/tensor/signature.h"

namespace slipway::tensor {
namespace {

TEST(DataType, HasTheNamesOfTheOpenInferenceProtocol) {
  for (int i = 0; i < kDataTypes; ++i) {
    const auto type = static_cast<DataType>(i);
    EXPECT_EQ(parse_data_type(name(type)), type);
  }
  EXPECT_EQ(parse_data_type("fp32"), std::nullopt);
  EXPECT_EQ(element_size(DataType::kInt16), 2u);
}

TEST(Shape, CountsItsElementsOrSaysThatItCannot) {
  EXPECT_EQ((Shape{2, 3}).elements(), 6u);
  EXPECT_EQ(Shape{}.elements(), 1u);
  EXPECT_EQ((Shape{4, 0}).elements(), 0u);
  EXPECT_EQ((Shape{-1, 3}).elements(), std::nullopt);
  EXPECT_EQ((Shape{INT64_MAX, INT64_MAX}).elements(), std::nullopt);
  EXPECT_FALSE(Shape::from(std::vector<int64_t>(9, 1)));
}

TEST(Tensor, LivesInTheArena) {
  base::Arena arena;
  const auto tensor = make_tensor(DataType::kFp64, {2, 2}, arena);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->values<double>().size(), 4u);
  EXPECT_EQ(tensor->byte_size(), 32u);
}

TEST(Tensor, IsRefusedWhenTheBudgetIsSpent) {
  base::Budget budget(1 << 20);
  base::Arena arena(&budget);
  const auto tensor = make_tensor(DataType::kFp64, {1 << 30}, arena);
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().code, Code::kExhausted);
}

const TensorSpec kSpec{.name = "x", .type = DataType::kFp32, .shape = {-1, 3}};

TEST(Signature, HoldsFixedDimensionsAndDatatype) {
  EXPECT_TRUE(check(kSpec, DataType::kFp32, {7, 3}));
  EXPECT_EQ(check(kSpec, DataType::kFp32, {7, 4}).error().message,
            "input 'x' has shape [7,4], the model takes [-1,3]");
  EXPECT_EQ(check(kSpec, DataType::kInt8, {7, 3}).error().message,
            "input 'x' has datatype INT8, the model takes FP32");
}

TEST(Signature, ATreeModelTakesAnyNumberButNoText) {
  TensorSpec spec = kSpec;
  spec.accepts = Accepts::kAnyNumber;
  EXPECT_TRUE(check(spec, DataType::kInt64, {1, 3}));
  EXPECT_FALSE(check(spec, DataType::kBytes, {1, 3}));
}

TEST(Signature, ALoneInputWithoutANameInTheFileAnswersToAnyName) {
  std::vector<TensorSpec> specs{kSpec};
  EXPECT_EQ(find_spec(specs, "anything", 1), std::nullopt);
  specs[0].naming = Naming::kOurs;
  EXPECT_EQ(find_spec(specs, "anything", 1), 0u);
  EXPECT_EQ(find_spec(specs, "anything", 2), std::nullopt);
}

}  // namespace
}  // namespace slipway::tensor
