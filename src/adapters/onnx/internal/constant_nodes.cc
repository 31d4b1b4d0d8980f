#include "adapters/onnx/internal/constant_nodes.h"

#include <algorithm>

namespace slipway::onnx {
namespace {

// A well-formed file needs one pass and one that finds nothing more.
constexpr int kPasses = 8;

}  // namespace

void ConstantNodes::set_operator(std::string_view op) { nodes_.back().shape = op == "Shape" || op == "Size"; }

bool ConstantNodes::depends_on_input(const Node& node) const {
  if (node.shape) return false;
  return std::ranges::any_of(node.inputs,
                             [this](auto name) { return !name.empty() && !constants_.contains(name); });
}

uint64_t ConstantNodes::pass() {
  uint64_t found = 0;
  for (Node& node : nodes_) {
    if (node.counted || depends_on_input(node)) continue;
    node.counted = true;
    constants_.insert(node.outputs.begin(), node.outputs.end());
    ++found;
  }
  return found;
}

uint64_t ConstantNodes::count() {
  uint64_t total = 0;
  for (int i = 0; i < kPasses; ++i) {
    const uint64_t found = pass();
    if (found == 0) return total;
    total += found;
  }
  return nodes_.size();
}

}  // namespace slipway::onnx
