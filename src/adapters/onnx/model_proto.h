// What an ONNX file says of itself, by a bounded walk over its bytes before any runtime sees it.
//
// A file passes when it is a whole ModelProto (version, graph, operator sets), nests no deeper and counts no
// more than the limits, claims no tensor larger than the bytes it brings, and would not unfold into far more
// memory than its size. kInvalid names the byte offset or the tensor; kTooLarge a limit; kUnsupported what we
// lack. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::onnx {

struct ProtoLimits {
  size_t depth = 16;                   // graphs inside nodes inside graphs
  uint64_t memory = 9 << 20;           // bytes that the runtime's own structures may take, plus…
  uint64_t memory_per_byte = 12;       // …this for each byte of the file
  uint64_t inlined_nodes = 1'000'000;  // nodes after every local function is written out
};

// Weights that lie in another file.
struct ExternalData {
  std::string tensor;
  std::string location;
  uint64_t offset = 0;
  uint64_t length = 0;  // 0: to the end of the file
};

struct OperatorSet {
  std::string domain;  // "" is ONNX's own
  int64_t version = 0;

  bool operator==(const OperatorSet&) const = default;
};

struct ModelFacts {
  int64_t ir_version = 0;
  std::string producer;  // "pytorch 2.9.0"; may be empty
  std::vector<OperatorSet> operator_sets;
  std::vector<ExternalData> external;
  std::vector<std::string> without_shape;  // inputs and outputs whose rank the file leaves open
  uint64_t constant_nodes = 0;             // at least as many as the runtime computes while it loads
  bool mixes_rows = false;                 // an operator answers each row depending on the others
};

Result<ModelFacts> read_model_proto(std::string_view bytes, const ProtoLimits& limits = {});

}  // namespace slipway::onnx
