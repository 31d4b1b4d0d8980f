// One run of a model in this process, over rows that change: model_bench FILE [rows]. Prints nanoseconds a
// run.
//
//   build/release/model_bench tests/data/zoo/xgb_binary_cancer/model.json
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "adapters/native/native.h"
#include "adapters/onnx/onnx.h"
#include "services/server/formats.h"
#include "values/protocol/oip.h"

namespace {

using namespace slipway;

constexpr size_t kRows = 4096;  // different ones: a branch predictor would learn a constant row by heart

std::unique_ptr<backend::Model> g_model;
std::vector<std::vector<float>> g_rows;

tensor::Tensor tensor_of(std::vector<float>& row) {
  tensor::Shape shape = g_model->signature().inputs[0].shape;
  shape.set(0, 1);
  return {.type = tensor::DataType::kFp32, .shape = shape, .data = row.data(), .count = row.size()};
}

void run(benchmark::State& state) {
  base::Arena arena;
  std::vector<backend::OutputSlot> outputs(g_model->signature().outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].index = i;
  size_t at = 0;
  for (auto _ : state) {
    arena.reset();
    const auto input = tensor_of(g_rows[at++ % kRows]);
    if (!g_model->run({&input, 1}, outputs, {.arena = arena})) state.SkipWithError("the run failed");
  }
}

void parse(benchmark::State& state) {
  base::Arena arena;
  std::vector<std::string> bodies;
  for (const auto& row : g_rows)
    bodies.push_back(
        fmt::format(R"({{"inputs":[{{"name":"{}","shape":[1,{}],"datatype":"FP32","data":[{}]}}]}})",
                    g_model->signature().inputs[0].name, row.size(), fmt::join(row, ",")));
  size_t at = 0;
  for (auto _ : state) {
    arena.reset();
    auto request = protocol::parse_oip_request(bodies[at++ % kRows], g_model->signature(), arena);
    benchmark::DoNotOptimize(request);
  }
}

std::unique_ptr<backend::Model> load(const std::string& path) {
  const auto recognised = server::recognise(path);
  if (!recognised) return nullptr;
  native::NativeBackend native;
  onnx::OnnxBackend onnx;
  const backend::Backend& backend =
      recognised->backend == "onnx" ? static_cast<const backend::Backend&>(onnx) : native;
  auto model = backend.load(recognised->files, {});
  return model ? std::move(*model) : nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 2) return std::fprintf(stderr, "usage: model_bench FILE: a model with one numeric input\n"), 2;
  g_model = load(argv[1]);
  if (!g_model || g_model->signature().inputs[0].shape.rank() != 2)
    return std::fprintf(stderr, "%s cannot be measured\n", argv[1]), 1;
  std::mt19937 random(1);
  std::normal_distribution<float> value(0, 3);
  g_rows.resize(kRows, std::vector<float>(static_cast<size_t>(g_model->signature().inputs[0].shape[1])));
  for (auto& row : g_rows)
    for (float& x : row) x = value(random);
  benchmark::RegisterBenchmark("run", run);
  benchmark::RegisterBenchmark("parse", parse);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
