#include "ports/backend/testing/backend_contract.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>

namespace slipway::backend::testing {
namespace {

using tensor::Tensor;

// One tensor an input: `rows` for the free first axis, 1 for every other free one, zeros inside.
std::vector<Tensor> zeros(const Model& model, int64_t rows, base::Arena& arena) {
  std::vector<Tensor> inputs;
  for (const auto& spec : model.signature().inputs) {
    tensor::Shape shape = spec.shape;
    for (size_t axis = 0; axis < shape.rank(); ++axis)
      if (shape[axis] < 0) shape.set(axis, axis == 0 ? rows : 1);
    inputs.push_back(*tensor::make_tensor(spec.type, shape, arena));
  }
  return inputs;
}

std::vector<OutputSlot> all_outputs(const Model& model) {
  std::vector<OutputSlot> slots;
  for (size_t i = 0; i < model.signature().outputs.size(); ++i) slots.push_back({.index = i});
  return slots;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.type == b.type && a.shape == b.shape && std::memcmp(a.data, b.data, a.byte_size()) == 0;
}

void refuses_what_is_not_there(const Backend& backend, const ModelFiles& files) {
  const ModelFiles none{files.root, "no-such-file"};
  ASSERT_FALSE(backend.load(none, {}));
  EXPECT_NE(backend.load(none, {}).error().message.find("no-such-file"), std::string::npos);
  EXPECT_FALSE(backend.inspect(none));
}

void inspects_what_it_loads(const Backend& backend, const ModelFiles& files, const Model& model) {
  const auto inspection = backend.inspect(files);
  ASSERT_TRUE(inspection) << inspection.error().message;
  EXPECT_EQ(inspection->signature, model.signature());
  EXPECT_EQ(inspection->info.platform, model.info().platform);
  const auto& read = model.info().files;
  EXPECT_NE(std::find(read.begin(), read.end(), files.main), read.end());
  EXPECT_TRUE(std::is_sorted(read.begin(), read.end()));
}

void answers_as_its_signature_says(const Model& model) {
  base::Arena arena;
  auto outputs = all_outputs(model);
  const Status ran = model.run(zeros(model, 3, arena), outputs, {.arena = arena});
  ASSERT_TRUE(ran) << ran.error().message;
  for (const OutputSlot& slot : outputs) {
    const auto& spec = model.signature().outputs[slot.index];
    EXPECT_EQ(slot.tensor.type, spec.type);
    EXPECT_TRUE(tensor::shape_fits(spec.shape, slot.tensor.shape)) << slot.tensor.shape.str();
  }
}

void makes_only_the_outputs_that_are_wanted(const Model& model) {
  base::Arena arena;
  const auto inputs = zeros(model, 1, arena);
  auto all = all_outputs(model);
  std::vector<OutputSlot> last{{.index = all.size() - 1}};
  ASSERT_TRUE(model.run(inputs, all, {.arena = arena}));
  ASSERT_TRUE(model.run(inputs, last, {.arena = arena}));
  EXPECT_TRUE(same_bytes(all.back().tensor, last[0].tensor));
  EXPECT_TRUE(model.run(inputs, {}, {.arena = arena}));
}

void takes_no_rows(const Model& model) {
  if (model.info().fixed_rows != 0) return;
  base::Arena arena;
  auto outputs = all_outputs(model);
  ASSERT_TRUE(model.run(zeros(model, 0, arena), outputs, {.arena = arena}));
  EXPECT_EQ(outputs[0].tensor.count, 0u);
}

void says_when_the_budget_is_spent(const Model& model) {
  base::Arena room, arena;
  base::Budget none(0);
  base::Arena tight(&none);
  tight.make<char>(base::Arena::kKept - 64);
  auto outputs = all_outputs(model);
  const Status ran = model.run(zeros(model, 20'000, room), outputs, {.arena = tight});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kExhausted);
}

void answers_the_same_from_many_threads(const Model& model) {
  base::Arena arena;
  auto expected = all_outputs(model);
  const auto inputs = zeros(model, 2, arena);
  ASSERT_TRUE(model.run(inputs, expected, {.arena = arena}));
  std::atomic<int> different{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) {
        base::Arena own;
        auto outputs = all_outputs(model);
        if (!model.run(inputs, outputs, {.arena = own}) || !same_bytes(outputs[0].tensor, expected[0].tensor))
          ++different;
      }
    });
  threads.clear();
  EXPECT_EQ(different, 0);
}

}  // namespace

void expect_backend_contract(const Backend& backend, const ModelFiles& files) {
  refuses_what_is_not_there(backend, files);
  const auto model = backend.load(files, {});
  ASSERT_TRUE(model) << model.error().message;
  inspects_what_it_loads(backend, files, **model);
  answers_as_its_signature_says(**model);
  makes_only_the_outputs_that_are_wanted(**model);
  takes_no_rows(**model);
  says_when_the_budget_is_spent(**model);
  answers_the_same_from_many_threads(**model);
}

}  // namespace slipway::backend::testing
