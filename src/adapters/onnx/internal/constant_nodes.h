// How many nodes of a graph depend on no input: those the runtime computes while it loads, keeping each
// result. The more there are, the less memory each may take.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace slipway::onnx {

class ConstantNodes {
 public:
  void add_constant(std::string_view name) { constants_.insert(name); }

  // One node: add_node(), then its inputs and outputs. Views must outlive this.
  void add_node() { nodes_.emplace_back(); }
  void add_input(std::string_view name) { nodes_.back().inputs.push_back(name); }
  void add_output(std::string_view name) { nodes_.back().outputs.push_back(name); }
  void set_operator(std::string_view op);

  // At least as many as there are; nodes may stand in any order.
  uint64_t count();

 private:
  struct Node {
    std::vector<std::string_view> inputs;
    std::vector<std::string_view> outputs;
    bool shape = false;  // constant where the input's shape is fixed, whatever the input
    bool counted = false;
  };
  bool depends_on_input(const Node& node) const;
  uint64_t pass();

  std::vector<Node> nodes_;
  std::unordered_set<std::string_view> constants_;
};

}  // namespace slipway::onnx
