#include "adapters/native/internal/xgboost_tree.h"

#include <charconv>
#include <utility>

namespace slipway::native::internal {
namespace {

Status check_lists(const XgboostTree& tree) {
  const size_t nodes = tree.left.size();
  if (nodes == 0) return fail(Code::kInvalid, "has no nodes");
  const auto declared = whole_number("tree_param.num_nodes", tree.num_nodes);
  if (!declared) return fail(declared.error());
  if (static_cast<size_t>(*declared) != nodes)
    return fail(Code::kInvalid, "tree_param.num_nodes is {}, left_children has {}", *declared, nodes);
  const std::pair<std::string_view, size_t> lists[] = {{"right_children", tree.right.size()},
                                                       {"split_indices", tree.feature.size()},
                                                       {"split_conditions", tree.condition.size()},
                                                       {"default_left", tree.default_left.size()}};
  for (const auto& [name, size] : lists)
    if (size != nodes)
      return fail(Code::kInvalid, "{} has {} entries, left_children has {}", name, size, nodes);
  return ok();
}

Status refuse_unserved(const XgboostTree& tree) {
  if (!tree.size_leaf_vector.empty() && tree.size_leaf_vector != "0" && tree.size_leaf_vector != "1")
    return fail(
        Code::kUnsupported,
        "vector leaves (multi_strategy=multi_output_tree) are not served; train with one_output_per_tree");
  if (tree.has_categories)
    return fail(Code::kUnsupported, "categorical splits are not served; encode the categories as numbers");
  return ok();
}

}  // namespace

void XgboostTree::clear() {
  left.clear();
  right.clear();
  feature.clear();
  condition.clear();
  default_left.clear();
  num_nodes.clear();
  size_leaf_vector.clear();
  has_categories = false;
}

Result<SourceTree> to_source(const XgboostTree& from) {
  if (Status good = refuse_unserved(from); !good) return fail(good.error());
  if (Status good = check_lists(from); !good) return fail(good.error());
  SourceTree tree;
  tree.nodes.reserve(from.left.size());
  for (size_t i = 0; i < from.left.size(); ++i) {
    const int32_t left = from.left[i], right = from.right[i];
    if ((left == -1) != (right == -1) || left < -1 || right < -1)
      return fail(Code::kInvalid, "node {} has children {} and {}", i, left, right);
    tree.nodes.push_back({.threshold = from.condition[i],
                          .feature = from.feature[i],
                          .left = left,
                          .right = right,
                          .default_left = from.default_left[i] != 0});
  }
  return tree;
}

Result<int64_t> whole_number(const std::string& field, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0)
    return fail(Code::kInvalid, "{}: '{}' is not a whole number", field, text.substr(0, 40));
  return value;
}

}  // namespace slipway::native::internal
