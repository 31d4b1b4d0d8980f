#include "ports/backend/testing/golden.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <concepts>
#include <fstream>
#include <limits>

#include <nlohmann/json.hpp>

namespace slipway::backend::testing {
namespace {

using nlohmann::json;
using tensor::Tensor;

double number_of(const json& item) {
  if (!item.is_string()) return item.get<double>();
  const auto text = item.get<std::string>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  return text.starts_with("-") ? -std::numeric_limits<double>::infinity()
                               : std::numeric_limits<double>::infinity();
}

// The nearest FP16: by doubles, whose spacing never rounds first.
tensor::Half half_of(double value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double size = std::abs(value);
  if (std::isnan(value)) return {static_cast<uint16_t>(sign | 0x7E00)};
  const double step = size < 0x1p-14 ? 0x1p-24 : std::ldexp(1.0, std::ilogb(size) - 10);
  const double rounded = std::isinf(size) ? size : std::nearbyint(size / step) * step;
  if (rounded > 65504) return {static_cast<uint16_t>(sign | 0x7C00)};
  if (rounded < 0x1p-14) return {static_cast<uint16_t>(sign | static_cast<uint16_t>(rounded * 0x1p24))};
  const int exponent = std::ilogb(rounded);
  const double fraction = std::ldexp(rounded, 10 - exponent) - 1024;
  return {static_cast<uint16_t>(sign | ((exponent + 15) << 10) | static_cast<uint16_t>(fraction))};
}

double value_of(tensor::Half half) {
  const double sign = (half.bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = (half.bits >> 10) & 31;
  const int fraction = half.bits & 1023;
  if (exponent == 0) return sign * fraction * 0x1p-24;
  if (exponent < 31) return sign * std::ldexp(1024 + fraction, exponent - 25);
  return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                       : std::numeric_limits<double>::quiet_NaN();
}

template <class T>
void fill(const json& data, const Tensor& to, base::Arena& arena) {
  for (size_t i = 0; i < data.size(); ++i) {
    if constexpr (std::is_same_v<T, std::string_view>)
      to.values<T>()[i] = arena.copy(data[i].get<std::string>());
    else if constexpr (std::is_floating_point_v<T>)
      to.values<T>()[i] = static_cast<T>(number_of(data[i]));
    else if constexpr (std::is_same_v<T, tensor::Half>)
      to.values<T>()[i] = half_of(number_of(data[i]));
    else
      to.values<T>()[i] = data[i].get<T>();
  }
}

std::vector<tensor::NamedTensor> tensors(const json& list, base::Arena& arena) {
  std::vector<tensor::NamedTensor> out;
  for (const json& item : list) {
    const auto type = *tensor::parse_data_type(item["datatype"].get<std::string>());
    const auto shape = *tensor::Shape::from(item["shape"].get<std::vector<int64_t>>());
    const Tensor tensor = *tensor::make_tensor(type, shape, arena);
    tensor::with_type(type, [&]<class T>() { fill<T>(item["data"], tensor, arena); });
    out.push_back({arena.copy(item["name"].get<std::string>()), tensor});
  }
  return out;
}

template <std::floating_point T>
auto bits_of(T value) {
  return std::bit_cast<std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>(value);
}

template <class T>
bool close(T want, T got, const Golden& golden) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(want) && std::isnan(got)) return true;
    if (golden.bits) return bits_of(want) == bits_of(got);
    if (want == got) return true;
    return std::abs(double(got) - double(want)) <= golden.atol + golden.rtol * std::abs(double(want));
  } else if constexpr (std::is_same_v<T, tensor::Half>) {
    if (golden.bits) return want.bits == got.bits;
    return close(value_of(want), value_of(got), golden);
  } else {
    return want == got;
  }
}

// The index of the first element that differs, or the number of elements.
size_t first_difference(const Tensor& want, const Tensor& got, const Golden& golden) {
  return tensor::with_type(want.type, [&]<class T>() {
    const auto a = want.values<T>(), b = got.values<T>();
    size_t i = 0;
    while (i < a.size() && close(a[i], b[i], golden)) ++i;
    return i;
  });
}

size_t place_of(const std::vector<tensor::TensorSpec>& specs, std::string_view name, size_t otherwise) {
  for (size_t i = 0; i < specs.size(); ++i)
    if (specs[i].name == name) return i;
  return otherwise;
}

void expect_rows(const Model& model, const Golden& golden, size_t first, size_t count) {
  base::Arena arena;
  const auto& signature = model.signature();
  std::vector<Tensor> inputs(golden.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    inputs[place_of(signature.inputs, golden.inputs[i].name, i)] =
        rows_of(golden.inputs[i].tensor, first, count);
  std::vector<OutputSlot> slots;
  for (size_t i = 0; i < golden.outputs.size(); ++i)
    slots.push_back({.index = place_of(signature.outputs, golden.outputs[i].name, i)});
  const Status ran = model.run(inputs, slots, {.arena = arena});
  ASSERT_TRUE(ran) << ran.error().message;
  for (size_t i = 0; i < slots.size(); ++i) {
    const Tensor want = rows_of(golden.outputs[i].tensor, first, count);
    ASSERT_EQ(slots[i].tensor.type, want.type);
    ASSERT_EQ(slots[i].tensor.count, want.count)
        << slots[i].tensor.shape.str() << " for " << want.shape.str();
    EXPECT_EQ(first_difference(want, slots[i].tensor, golden), want.count)
        << golden.outputs[i].name << " differs in rows " << first << " to " << first + count;
  }
}

}  // namespace

Tensor rows_of(const Tensor& all, size_t first, size_t count) {
  Tensor part = all;
  const size_t width = all.count / static_cast<size_t>(all.shape[0]);
  part.shape.set(0, static_cast<int64_t>(count));
  part.count = count * width;
  part.data = static_cast<char*>(all.data) + first * width * tensor::element_size(all.type);
  return part;
}

void read_golden(const std::string& folder, Golden& out) {
  std::ifstream golden_file(folder + "/golden.json"), card_file(folder + "/card.json");
  ASSERT_TRUE(golden_file && card_file) << folder << " has no golden.json or card.json";
  const json golden = json::parse(golden_file), card = json::parse(card_file);
  const json& variant = card["variants"][0];
  out.rows = golden["rows"].get<size_t>();
  out.inputs = tensors(golden["inputs"], out.arena);
  out.outputs = tensors(golden["outputs"], out.arena);
  out.bits = variant["compare"]["mode"] == "bits";
  out.rtol = variant["compare"].value("rtol", 0.0);
  out.atol = variant["compare"].value("atol", 0.0);
  const auto batch = variant["batch"].get<std::string>();
  out.one_row_a_call = batch == "one";
  if (batch.starts_with("fixed:")) out.fixed_rows = std::stoll(batch.substr(6));
}

void expect_golden(const Model& model, const Golden& golden) {
  ASSERT_GT(golden.rows, 0u);
  const size_t step = golden.fixed_rows > 0 ? static_cast<size_t>(golden.fixed_rows) : 1;
  for (size_t row = 0; row + step <= golden.rows && !::testing::Test::HasFailure(); row += step)
    expect_rows(model, golden, row, step);
  if (golden.fixed_rows == 0 && !golden.one_row_a_call) expect_rows(model, golden, 0, golden.rows);
}

}  // namespace slipway::backend::testing
