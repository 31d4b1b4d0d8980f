#include "adapters/onnx/onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "adapters/onnx/internal/ort_status.h"
#include "adapters/onnx/ort_library.h"
#include "ports/backend/testing/backend_contract.h"
#include "ports/backend/testing/golden.h"

namespace slipway::onnx {
namespace {

using backend::OutputSlot;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kZoo = SLIPWAY_TEST_DATA "/zoo/";
const std::string kBroken = SLIPWAY_TEST_DATA "/broken/";

std::unique_ptr<backend::Model> load(const std::string& name, int threads = 1) {
  auto model = OnnxBackend().load({kZoo + name, "model.onnx"}, {.threads = threads});
  EXPECT_TRUE(model) << model.error().message;
  return model ? std::move(*model) : nullptr;
}

class Golden : public ::testing::TestWithParam<const char*> {};

TEST_P(Golden, AnswersAsTheFrameworkDid) {
  backend::testing::Golden golden;
  ASSERT_NO_FATAL_FAILURE(backend::testing::read_golden(kZoo + GetParam(), golden));
  const auto model = load(GetParam());
  ASSERT_TRUE(model);
  EXPECT_EQ(model->info().fixed_rows, golden.fixed_rows);
  backend::testing::expect_golden(*model, golden);
}

INSTANTIATE_TEST_SUITE_P(Zoo, Golden,
                         ::testing::Values("onnx_all_dtypes", "onnx_cnn_digits", "onnx_embedding_flights",
                                           "onnx_fixed_batch4", "onnx_fp16_digits", "onnx_int8_digits",
                                           "onnx_lstm_digits", "onnx_mlp_external", "onnx_simple",
                                           "onnx_simple_identity", "onnx_simple_string",
                                           "onnx_transformer_digits", "onnx_two_heads", "skl_forest_cancer",
                                           "skl_gb_diabetes", "skl_hgb_flights", "skl_kmeans_iris",
                                           "skl_logreg_iris", "skl_pipeline_penguins"),
                         [](const auto& row) { return std::string(row.param); });

TEST(OnnxBackend, HoldsTheContractOfABackend) {
  for (const auto* name : {"onnx_two_heads", "onnx_mlp_external", "skl_gb_diabetes"}) {
    SCOPED_TRACE(name);
    backend::testing::expect_backend_contract(OnnxBackend(), {kZoo + name, "model.onnx"});
  }
}

TEST(OnnxBackend, NamesTheFilesThatItRead) {
  const auto model = load("onnx_mlp_external");
  ASSERT_TRUE(model);
  EXPECT_THAT(model->info().files, ElementsAre("model.onnx", "weights.bin"));
  EXPECT_EQ(model->info().platform, "onnxruntime_onnx");
  EXPECT_THAT(model->info().framework, HasSubstr("pytorch"));
}

TEST(OnnxBackend, KnowsWhichModelsMixRows) {
  EXPECT_FALSE(load("onnx_int8_digits")->info().rows_are_independent);
  EXPECT_FALSE(load("onnx_fixed_batch4")->info().rows_are_independent);
  EXPECT_TRUE(load("skl_gb_diabetes")->info().rows_are_independent);
  EXPECT_TRUE(load("onnx_two_heads")->info().rows_are_independent);
}

TEST(OnnxBackend, AnswersTheSameWithSeveralThreads) {
  backend::testing::Golden golden;
  ASSERT_NO_FATAL_FAILURE(backend::testing::read_golden(kZoo + "onnx_cnn_digits", golden));
  const auto model = load("onnx_cnn_digits", 2);
  ASSERT_TRUE(model);
  backend::testing::expect_golden(*model, golden);
}

TEST(OnnxBackend, SaysHowToExportWithoutZipMap) {
  auto model = OnnxBackend().load({kZoo + "skl_zipmap_penguins", "model.onnx"}, {});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Code::kUnsupported);
  EXPECT_THAT(model.error().message, HasSubstr("'zipmap': False"));
  EXPECT_THAT(model.error().message, HasSubstr("skl_zipmap_penguins/model.onnx"));
}

TEST(OnnxBackend, RefusesAnIndexOutOfRangeAndGoesOn) {
  backend::testing::Golden golden;
  ASSERT_NO_FATAL_FAILURE(backend::testing::read_golden(kZoo + "onnx_embedding_flights", golden));
  const auto model = load("onnx_embedding_flights");
  ASSERT_TRUE(model);
  base::Arena arena;
  std::vector<tensor::Tensor> inputs;
  for (const auto& spec : model->signature().inputs) {
    tensor::Shape shape = spec.shape;
    shape.set(0, 1);
    inputs.push_back(*tensor::make_tensor(spec.type, shape, arena));
    if (spec.type == tensor::DataType::kInt64) inputs.back().values<int64_t>()[0] = 1'000'000;
  }
  std::vector<OutputSlot> outputs(1);
  const Status ran = model->run(inputs, outputs, {.arena = arena});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kInvalid);
  EXPECT_THAT(ran.error().message, HasSubstr("Gather"));
  EXPECT_THAT(ran.error().message, HasSubstr("idx=1000000"));
  EXPECT_THAT(ran.error().message, Not(HasSubstr("\n")));
  backend::testing::expect_golden(*model, golden);
}

TEST(OnnxBackend, CarriesStringsWithZeroBytes) {
  const auto model = load("onnx_simple_identity");
  ASSERT_TRUE(model);
  base::Arena arena;
  std::array<std::string_view, 2> texts = {std::string_view("a\0b", 3), ""};
  const tensor::Tensor input{tensor::DataType::kBytes, {2, 1}, texts.data(), 2};
  std::vector<OutputSlot> outputs(1);
  ASSERT_TRUE(model->run({&input, 1}, outputs, {.arena = arena}));
  EXPECT_THAT(outputs[0].tensor.values<std::string_view>(), ElementsAre(texts[0], texts[1]));
}

TEST(OnnxBackend, StopsBeforeItStartsWhenTheRequestIsOver) {
  const auto model = load("onnx_simple_identity");
  ASSERT_TRUE(model);
  base::Arena arena;
  std::array<std::string_view, 1> texts = {"a"};
  const tensor::Tensor input{tensor::DataType::kBytes, {1, 1}, texts.data(), 1};
  std::vector<OutputSlot> outputs(1);
  const std::atomic<bool> cancelled = true;
  EXPECT_EQ(model->run({&input, 1}, outputs, {.arena = arena, .cancelled = &cancelled}).error().code,
            Code::kUnavailable);
  EXPECT_EQ(model->run({&input, 1}, outputs, {.arena = arena, .deadline = TimePoint()}).error().code,
            Code::kTimeout);
  const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_TRUE(model->run({&input, 1}, outputs, {.arena = arena, .deadline = later}));
}

TEST(OnnxBackend, NeverGivesTheRuntimeAnEmptyTensor) {
  const auto model = load("onnx_lstm_digits");
  ASSERT_TRUE(model);
  base::Arena arena;
  std::vector<OutputSlot> outputs(1);
  const auto no_rows = *tensor::make_tensor(tensor::DataType::kFp32, {0, 8, 8}, arena);
  ASSERT_TRUE(model->run({&no_rows, 1}, outputs, {.arena = arena}));
  EXPECT_EQ(outputs[0].tensor.shape, (tensor::Shape{0, 10}));
  const auto no_steps = *tensor::make_tensor(tensor::DataType::kFp32, {1, 0, 8}, arena);
  const Status ran = model->run({&no_steps, 1}, outputs, {.arena = arena});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kInvalid);
  EXPECT_THAT(ran.error().message, HasSubstr("has shape [1,0,8]"));
}

TEST(OnnxBackend, StopsAnEndlessLoop) {
  auto model = OnnxBackend().load({SLIPWAY_TEST_DATA "/onnx", "endless_loop.onnx"}, {});
  ASSERT_TRUE(model) << model.error().message;
  base::Arena arena;
  const auto input = *tensor::make_tensor(tensor::DataType::kFp32, {1, 4}, arena);
  std::vector<OutputSlot> outputs(1);
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  EXPECT_EQ((*model)->run({&input, 1}, outputs, {.arena = arena, .deadline = soon}).error().code,
            Code::kTimeout);
  std::atomic<bool> cancelled = false;
  std::thread caller([&] { cancelled = true; });
  const Status ran = (*model)->run({&input, 1}, outputs, {.arena = arena, .cancelled = &cancelled});
  caller.join();
  EXPECT_EQ(ran.error().code, Code::kUnavailable);
}

TEST(OnnxBackend, SaysWhenTheBudgetIsSpent) {
  const auto model = load("onnx_two_heads");
  ASSERT_TRUE(model);
  base::Arena inputs_arena;
  std::vector<tensor::Tensor> inputs;
  for (const auto& spec : model->signature().inputs) {
    tensor::Shape shape = spec.shape;
    shape.set(0, 20'000);
    inputs.push_back(*tensor::make_tensor(spec.type, shape, inputs_arena));
  }
  base::Budget budget(1000);
  base::Arena arena(&budget);
  std::vector<OutputSlot> outputs(1);
  const Status ran = model->run(inputs, outputs, {.arena = arena});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kExhausted);
}

TEST(OnnxBackend, AnswersManyThreadsAtOnce) {
  backend::testing::Golden golden;
  ASSERT_NO_FATAL_FAILURE(backend::testing::read_golden(kZoo + "skl_logreg_iris", golden));
  const auto model = load("skl_logreg_iris");
  ASSERT_TRUE(model);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { backend::testing::expect_golden(*model, golden); });
  for (auto& thread : threads) thread.join();
}

TEST(OnnxBackend, RefusesBrokenFilesByName) {
  const struct {
    const char *name, *says;
  } rows[] = {
      {"onnx_truncated", "at byte "},
      {"onnx_wrong_magic", "at byte "},
      {"onnx_empty", "has no ir_version"},
      {"onnx_text", "at byte "},
      {"onnx_pickle", "at byte "},
      {"onnx_external_escape", "must lie in the model's own folder"},
      {"onnx_external_absolute", "must lie in the model's own folder"},
      {"onnx_external_missing", "nothing.bin"},
      {"onnx_external_offset", "which has 154 bytes"},
      {"onnx_unknown_op", "Banana"},
      {"onnx_cycle", "cycl"},
      {"onnx_huge_tensor", "tensor 'w' claims"},
      {"onnx_future_opset", "operator set 999"},
  };
  for (const auto& row : rows) {
    auto model = OnnxBackend().load({kBroken + row.name, "model.onnx"}, {});
    ASSERT_FALSE(model) << row.name;
    EXPECT_THAT(model.error().message, HasSubstr(row.says));
    EXPECT_THAT(model.error().message, HasSubstr(std::string(row.name) + "/model.onnx"));
    EXPECT_THAT(model.error().message, Not(HasSubstr("\n")));
  }
}

TEST(OrtLibrary, IsLookedForWhereTheVariableSaysElseBesideTheProgram) {
  EXPECT_THAT(library_candidates("/x/ort.so", "/bin"), ElementsAre("/x/ort.so"));
  EXPECT_THAT(
      library_candidates(nullptr, "/bin"),
      ElementsAre("/bin/lib/libonnxruntime.so.1.31.1", "/bin/../lib/slipway/libonnxruntime.so.1.31.1"));
}

TEST(OrtLibrary, TellsTheRuntimeNotToPhoneHome) {
  ASSERT_TRUE(ort_library());
  EXPECT_STREQ(::getenv("ORT_DISABLE_TELEMETRY"), "1");
}

TEST(OrtMessages, AreReadableWhateverTheFileHolds) {
  EXPECT_EQ(readable("größe €𝄞"), "größe €𝄞");
  EXPECT_EQ(readable("a\xC9z\xFF\x01\n"), "a?z???");
  EXPECT_EQ(readable("\xED\xA0\x80|\xC0\x80|\xF4\x90\x80\x80|\xE2\x82"), "???|??|????|??");
  EXPECT_EQ(clean_message("bad \xC9 name"), "bad ? name");
}

TEST(OrtMessages, BecomeOneShortLine) {
  EXPECT_EQ(clean_message("Load model from /a/model.onnx failed:Node (n) has\n\tno kernel  "),
            "Node (n) has no kernel");
  EXPECT_EQ(clean_message("/onnxruntime_src/onnxruntime/core/graph/graph.cc:12 void f(int) bad graph"),
            "bad graph");
  EXPECT_EQ(clean_message(std::string(400, 'x')), std::string(300, 'x') + "…");
}

}  // namespace
}  // namespace slipway::onnx
