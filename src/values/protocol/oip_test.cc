#include "values/protocol/oip.h"

#include <gtest/gtest.h>

#include <cmath>

namespace slipway::protocol {
namespace {

using tensor::DataType;

tensor::Signature one_input(DataType type, tensor::Shape shape) {
  return {.inputs = {{.name = "x", .type = type, .shape = shape}},
          .outputs = {{.name = "y", .type = type, .shape = shape}, {.name = "z"}}};
}

class OipRequestTest : public testing::Test {
 protected:
  Result<OipRequest> parse(std::string body, const tensor::Signature& signature) {
    bodies_.push_back(std::make_unique<std::string>(std::move(body)));
    return parse_oip_request(*bodies_.back(), signature, arena_);
  }
  Result<OipRequest> parse(const std::string& body) { return parse(body, floats_); }
  std::string refusal(const std::string& body, const tensor::Signature& signature) {
    const auto request = parse(body, signature);
    EXPECT_FALSE(request) << body;
    return request ? "" : request.error().message;
  }
  std::string refusal(const std::string& body) { return refusal(body, floats_); }
  static std::string with_data(std::string_view type, std::string_view shape, std::string_view data) {
    return fmt::format(R"({{"inputs":[{{"name":"x","datatype":"{}","shape":{},"data":{}}}]}})", type, shape,
                       data);
  }

  base::Arena arena_;
  std::vector<std::unique_ptr<std::string>> bodies_;
  tensor::Signature floats_ = one_input(DataType::kFp32, {-1, 2});
};

TEST_F(OipRequestTest, ReadsFlatAndNestedDataAlike) {
  for (const char* data : {"[1,2,3.5,-4e2]", "[[1,2],[3.5,-4e2]]"}) {
    const auto request = parse(with_data("FP32", "[2,2]", data));
    ASSERT_TRUE(request) << request.error().message;
    const auto values = request->inputs[0].values<float>();
    EXPECT_EQ(std::vector<float>(values.begin(), values.end()), (std::vector<float>{1, 2, 3.5, -400}));
    EXPECT_EQ(request->outputs.size(), 2u);
  }
}

TEST_F(OipRequestTest, TakesMembersInAnyOrderAndSkipsUnknownOnes) {
  const auto request = parse(
      R"({"later":{"a":[1]},"inputs":[{"data":[[NaN,2]],"more":null,"shape":[1,2],"name":"x","datatype":"FP32"}],"id":"a\u00e9"})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->id, "a\xC3\xA9");
  EXPECT_TRUE(std::isnan(request->inputs[0].values<float>()[0]));
}

TEST_F(OipRequestTest, RefusesASecondShapeOrDatatypeAfterTheData) {
  EXPECT_FALSE(
      parse(R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[1],"shape":[1,2]}]})"));
  EXPECT_FALSE(
      parse(R"({"inputs":[{"name":"x","datatype":"INT64","shape":[1,2],"data":[1,2],"datatype":"FP32"}]})"));
}

TEST_F(OipRequestTest, ReadsMissingAndInfiniteValuesInFloatingTensorsOnly) {
  const auto request = parse(with_data("FP32", "[2,2]", "[null,NaN,Infinity,-Infinity]"));
  ASSERT_TRUE(request);
  const auto values = request->inputs[0].values<float>();
  EXPECT_TRUE(std::isnan(values[0]) && std::isnan(values[1]));
  EXPECT_EQ(values[2], INFINITY);
  EXPECT_EQ(values[3], -INFINITY);
  EXPECT_NE(refusal(with_data("INT32", "[1]", "[null]"), one_input(DataType::kInt32, {1})), "");
}

TEST_F(OipRequestTest, ReadsEveryDatatypeThatJsonCanCarry) {
  const struct {
    const char *type, *good, *bad;
  } rows[] = {{"BOOL", "true", "1"},
              {"UINT8", "255", "256"},
              {"UINT16", "65535", "-1"},
              {"UINT32", "4294967295", "4294967296"},
              {"UINT64", "18446744073709551615", "18446744073709551616"},
              {"INT8", "-128", "128"},
              {"INT16", "-32768", "1.0"},
              {"INT32", "2147483647", "2147483648"},
              {"INT64", "-9223372036854775808", "true"},
              {"FP32", "0.1", "\"a\""},
              {"FP64", "1e308", "1e309"},
              {"BYTES", "\"\\u00e9\"", "1"}};
  for (const auto& row : rows) {
    const auto signature = one_input(*tensor::parse_data_type(row.type), {1});
    EXPECT_TRUE(parse(with_data(row.type, "[1]", fmt::format("[{}]", row.good)), signature)) << row.type;
    EXPECT_NE(refusal(with_data(row.type, "[1]", fmt::format("[{}]", row.bad)), signature), "") << row.type;
  }
}

TEST_F(OipRequestTest, RefusesWithTheTensorAndTheReason) {
  const struct {
    std::string body, says;
  } rows[] = {
      {"", "the text ends"},
      {"[]", "expected an object"},
      {"{}", "input 'x' is missing; the model takes 'x' FP32 [-1,2]"},
      {R"({"inputs":[]})", "input 'x' is missing"},
      {R"({"inputs":[{"name":"w","datatype":"FP32","shape":[1,2],"data":[1,2]}]})",
       "input 'w': at byte 68: the model has no such input"},
      {R"({"inputs":[{"name":"x","shape":[1,2],"data":[1,2]}]})", "has no 'datatype'"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","data":[1,2]}]})", "has no 'shape'"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2]}]})", "has no 'data'"},
      {R"({"inputs":[{"datatype":"FP32","shape":[1,2],"data":[1,2]}]})", "an input has no 'name'"},
      {with_data("FP31", "[1,2]", "[1,2]"), "unknown datatype 'FP31'"},
      {with_data("FP64", "[1,2]", "[1,2]"), "input 'x' has datatype FP64, the model takes FP32"},
      {with_data("FP16", "[1,2]", "[1,2]"), "FP16 does not travel as JSON"},
      {with_data("FP32", "[1,3]", "[1,2,3]"), "input 'x' has shape [1,3], the model takes [-1,2]"},
      {with_data("FP32", "[2]", "[1,2]"), "input 'x' has shape [2]"},
      {with_data("FP32", "[1,2]", "[1]"), "data has 1 elements, shape [1,2] needs 2"},
      {with_data("FP32", "[1,2]", "[1,2,3]"), "more elements than shape"},
      {with_data("FP32", "[2,2]", "[[1,2],[3]]"), "a nested list has 1 entries"},
      {with_data("FP32", "[2,2]", "[[1,2,3],[4]]"), "more elements than shape"},
      {with_data("FP32", "[1,2]", "[[1,[2]]]"), "expected a number"},
      {with_data("FP32", "[-1,2]", "[1,2]"), "a dimension is negative"},
      {with_data("FP32", "[1000000000,2]", "[1,2]"), "needs more elements than data holds"},
      {with_data("FP32", "[4294967296,4294967296]", "[1,2]"), "needs more elements than data holds"},
      {with_data("FP32", "[1,1,1,1,1,1,1,1,1]", "[1]"), "more than 8 dimensions"},
      {with_data("FP32", "[1,2]", "[1,2") + "x", "expected ',' or ']'"},
      {R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}}]})",
       "binary tensors are not served"},
  };
  for (const auto& row : rows) {
    const std::string message = refusal(row.body);
    EXPECT_NE(message.find(row.says), std::string::npos) << row.body << "\n  " << message;
  }
  const std::string twice = R"({"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]})";
  EXPECT_NE(refusal("{\"inputs\":[" + twice + "," + twice + "]}").find("stands there twice"),
            std::string::npos);
}

TEST_F(OipRequestTest, GivesTheOutputsThatAreAskedForInTheirOrder) {
  const std::string start =
      R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}],"outputs":)";
  const auto request = parse(start + R"([{"name":"z","parameters":{"binary_data":false}},{"name":"y"}]})");
  ASSERT_TRUE(request);
  EXPECT_EQ(std::vector<size_t>(request->outputs.begin(), request->outputs.end()),
            (std::vector<size_t>{1, 0}));
  EXPECT_NE(refusal(start + R"([{"name":"w"}]})").find("no output 'w'; it gives 'y'"), std::string::npos);
  EXPECT_NE(refusal(start + R"([{"name":"y"},{"name":"y"}]})").find("twice"), std::string::npos);
}

TEST_F(OipRequestTest, ALoneUnnamedInputTakesAnyName) {
  floats_.inputs[0].naming = tensor::Naming::kOurs;
  EXPECT_TRUE(parse(R"({"inputs":[{"name":"whatever","datatype":"FP32","shape":[1,2],"data":[1,2]}]})"));
}

TEST(OipAnswerTest, IsWrittenFlatWithNullsForWhatJsonCannotSay) {
  base::Arena arena;
  const auto values = *tensor::make_tensor(DataType::kFp32, {2, 1}, arena);
  values.values<float>()[0] = 0.1F;
  values.values<float>()[1] = NAN;
  const tensor::NamedTensor outputs[] = {{"y", values}};
  std::string out;
  append_oip_answer({.model = "m", .version = "1", .revision = "m-1-8f2a1c40", .id = "7", .outputs = outputs},
                    out);
  EXPECT_EQ(
      out,
      R"({"model_name":"m","model_version":"1","id":"7","parameters":{"slipway_revision":"m-1-8f2a1c40"},)"
      R"("outputs":[{"name":"y","datatype":"FP32","shape":[2,1],"data":[0.1,null]}]})");
}

TEST(OipMetadataTest, NamesShapesAndFeatures) {
  auto signature = one_input(DataType::kFp32, {-1, 2});
  signature.inputs[0].features = {"age", "income"};
  const std::string versions[] = {"1", "3"};
  std::string out;
  append_oip_metadata({.model = "m",
                       .platform = "xgboost_json",
                       .revision = "r",
                       .digest = "d",
                       .versions = versions,
                       .signature = signature},
                      out);
  EXPECT_TRUE(out.starts_with(
      R"({"name":"m","versions":["1","3"],"platform":"xgboost_json","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2],"parameters":{"features":["age","income"]}}])"))
      << out;
}

}  // namespace
}  // namespace slipway::protocol
