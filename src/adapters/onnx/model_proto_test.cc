#include "adapters/onnx/model_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/onnx/internal/external_files.h"

namespace slipway::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string varint(uint64_t value) {
  std::string out;
  for (; value > 127; value >>= 7) out += static_cast<char>(value | 128);
  return out + static_cast<char>(value);
}
std::string field(uint32_t number, uint64_t value) { return varint(number << 3) + varint(value); }
std::string field(uint32_t number, const std::string& bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
}

std::string node(const std::string& op, const std::string& in, const std::string& out,
                 const std::string& more = "") {
  return field(1, field(1, in) + field(2, out) + field(4, op) + more);
}
std::string tensor(const std::string& name, uint64_t dim, const std::string& raw) {
  return field(5, field(1, dim) + field(2, 1) + field(8, name) + field(9, raw));
}
std::string model(const std::string& graph, const std::string& more = "") {
  return field(1, 8) + field(2, std::string("tests")) + field(7, graph) + field(8, field(2, 17)) + more;
}

std::string refusal(const std::string& bytes) {
  auto facts = read_model_proto(bytes);
  EXPECT_FALSE(facts);
  return facts ? "" : facts.error().message;
}

TEST(ModelProto, SaysWhatTheFileSays) {
  auto facts = read_model_proto(model(node("Relu", "x", "y") + tensor("w", 1, "1234")));
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->ir_version, 8);
  EXPECT_EQ(facts->producer, "tests");
  EXPECT_THAT(facts->operator_sets, ElementsAre(OperatorSet{"", 17}));
  EXPECT_FALSE(facts->mixes_rows);
}

TEST(ModelProto, RefusesWhatIsNoWholeModel) {
  EXPECT_THAT(refusal(""), HasSubstr("has no ir_version"));
  EXPECT_THAT(refusal(field(1, 8) + field(8, field(2, 17))), HasSubstr("has no graph"));
  EXPECT_THAT(refusal(field(1, 8) + field(7, std::string())), HasSubstr("names no operator set"));
  EXPECT_THAT(refusal(model("") + field(7, std::string())), HasSubstr("a second graph"));
  const std::string good = model(node("Relu", "x", "y"));
  EXPECT_THAT(refusal(good.substr(0, good.size() - 1)), HasSubstr("at byte "));
}

TEST(ModelProto, RefusesATensorThatClaimsMoreThanItBrings) {
  EXPECT_THAT(refusal(model(tensor("w", uint64_t{1} << 40, "1234"))),
              HasSubstr("tensor 'w' claims 1099511627776"));
  EXPECT_THAT(refusal(model(tensor("w", uint64_t(-1), "1234"))), HasSubstr("impossible dimensions"));
}

TEST(ModelProto, RefusesSparseTensorsThatSpreadOut) {
  const std::string values = field(1, field(1, 1) + field(2, 1) + field(9, std::string("1234")));
  EXPECT_THAT(refusal(model(field(15, values + field(3, 1 << 30)))), HasSubstr("would unfold"));
}

TEST(ModelProto, RefusesManyEmptyNodes) {
  std::string nodes;
  for (int i = 0; i < 10'000; ++i) nodes += field(1, std::string());
  EXPECT_THAT(refusal(model(nodes)), HasSubstr("would unfold"));
}

TEST(ModelProto, RefusesGraphsNestedTooDeep) {
  std::string graph = node("Relu", "x", "y");
  for (int i = 0; i < 20; ++i) graph = node("If", "c", "y", field(5, field(6, graph)));
  EXPECT_THAT(refusal(model(graph)), HasSubstr("nested more than 16 deep"));
}

std::string function(const std::string& name, const std::string& calls) {
  std::string nodes;
  for (int i = 0; i < 10; ++i) nodes += field(7, field(4, calls) + field(7, std::string("l")));
  return field(25, field(1, name) + nodes + field(10, std::string("l")));
}

TEST(ModelProto, RefusesFunctionsThatUnfoldWithoutEnd) {
  std::string functions;
  for (int i = 1; i < 12; ++i) functions += function("f" + std::to_string(i), "f" + std::to_string(i - 1));
  const std::string call = node("f11", "x", "y", field(7, std::string("l")));
  EXPECT_THAT(refusal(model(call, functions)), HasSubstr("unfold into more than"));
  EXPECT_THAT(refusal(model(call, function("f11", "f11"))), HasSubstr("calls itself"));
  EXPECT_TRUE(read_model_proto(model(call, function("f11", "Relu"))));
}

TEST(ModelProto, CountsWhatTheRuntimeComputesWhileItLoads) {
  const std::string constants =
      node("Expand", "b", "c") + node("ConstantOfShape", "w", "b") + tensor("w", 1, "1234");
  EXPECT_EQ(read_model_proto(model(constants + node("Relu", "x", "y")))->constant_nodes, 2U);
  EXPECT_EQ(
      read_model_proto(model(node("Shape", "x", "s") + node("ConstantOfShape", "s", "y")))->constant_nodes,
      2U);
}

TEST(ModelProto, KnowsOperatorsThatMixRows) {
  EXPECT_TRUE(read_model_proto(model(node("DynamicQuantizeLinear", "x", "y")))->mixes_rows);
}

TEST(ModelProto, ListsTensorsWithoutShape) {
  const std::string type = field(2, field(1, field(1, 1)));
  auto facts = read_model_proto(model(field(11, field(1, std::string("x")) + type)));
  ASSERT_TRUE(facts);
  EXPECT_THAT(facts->without_shape, ElementsAre("x"));
}

TEST(ExternalFiles, RefusesEveryPlaceOutsideTheFolder) {
  for (const auto* location : {"/etc/passwd", "../x", "a/../../x", ""}) {
    const ExternalData data{.tensor = "w", .location = location, .length = 4};
    auto files = check_external("/tmp", {&data, 1});
    ASSERT_FALSE(files) << location;
    EXPECT_THAT(files.error().message, HasSubstr("tensor 'w'"));
  }
}

TEST(ExternalFiles, RefusesARangeBeyondTheFile) {
  const std::string folder = SLIPWAY_TEST_DATA "/zoo/onnx_mlp_external";
  ExternalData data{.tensor = "w", .location = "weights.bin", .offset = 35'872, .length = 8};
  EXPECT_TRUE(check_external(folder, {&data, 1}));
  data.offset += 1;
  EXPECT_THAT(check_external(folder, {&data, 1}).error().message, HasSubstr("wants 8 bytes at offset 35873"));
  data.offset = UINT64_MAX;
  EXPECT_FALSE(check_external(folder, {&data, 1}));
}

}  // namespace
}  // namespace slipway::onnx
