// What a model takes and gives, and whether given tensors fit it. Made once at load, read by many threads.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"
#include "values/tensor/tensor.h"

namespace slipway::tensor {

// How strictly an input's datatype is held. The frameworks behind tree models convert every numeric array to
// their own float type, so their servers must too; a graph runtime takes exactly what the graph says.
enum class Accepts : uint8_t { kExactly, kAnyNumber };

// Where the tensor's name comes from. When the file names no tensors, the name is only ours and a lone input
// may carry any.
enum class Naming : uint8_t { kFromFile, kOurs };

struct TensorSpec {
  std::string name;
  DataType type = DataType::kFp32;
  Shape shape;  // -1: any
  Accepts accepts = Accepts::kExactly;
  Naming naming = Naming::kFromFile;
  std::vector<std::string> features;  // names of the last axis' columns, where the file has them; else empty

  bool operator==(const TensorSpec&) const = default;
};

struct Signature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;

  bool operator==(const Signature&) const = default;
};

// The position of the spec that `name` means, given how many tensors came; nothing when there is none.
std::optional<size_t> find_spec(std::span<const TensorSpec> specs, std::string_view name,
                                size_t tensors_given);

// Whether rank and every fixed dimension agree.
bool shape_fits(const Shape& spec, const Shape& given);

// kInvalid with a text that names the tensor and both sides, when datatype or shape do not fit the spec.
Status check(const TensorSpec& spec, DataType type, const Shape& shape);

}  // namespace slipway::tensor
