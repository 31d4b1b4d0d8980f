#include "adapters/native/ensemble.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace slipway::native {
namespace {

Status check_node(const SourceNode& node, size_t index, size_t features) {
  if (node.is_leaf() && !std::isfinite(node.threshold))
    return fail(Code::kInvalid, "node {} is a leaf whose value is not a finite number", index);
  if (std::isnan(node.threshold))
    return fail(Code::kInvalid, "node {} has a threshold that is not a number", index);
  if (!node.is_leaf() && (node.feature < 0 || static_cast<size_t>(node.feature) >= features))
    return fail(Code::kInvalid, "node {} splits on feature {}, the model has {}", index, node.feature,
                features);
  return ok();
}

}  // namespace

Status check_tree(const SourceTree& tree, size_t features, size_t groups) {
  const auto& nodes = tree.nodes;
  if (nodes.empty()) return fail(Code::kInvalid, "has no nodes");
  if (tree.group < 0 || static_cast<size_t>(tree.group) >= groups)
    return fail(Code::kInvalid, "belongs to output {}, the model has {}", tree.group, groups);
  std::vector<bool> reached(nodes.size());
  std::vector<std::pair<int32_t, size_t>> open{{0, 0}};  // a node and its depth
  reached[0] = true;
  while (!open.empty()) {
    const auto at = static_cast<size_t>(open.back().first);
    const size_t depth = open.back().second;
    open.pop_back();
    if (depth > kMaxTreeDepth) return fail(Code::kInvalid, "is deeper than {} levels", kMaxTreeDepth);
    if (Status good = check_node(nodes[at], at, features); !good) return good;
    if (nodes[at].is_leaf()) continue;
    for (const int32_t child : {nodes[at].left, nodes[at].right}) {
      if (child < 0 || static_cast<size_t>(child) >= nodes.size())
        return fail(Code::kInvalid, "node {} has child {}, the tree has {} nodes", at, child, nodes.size());
      if (reached[static_cast<size_t>(child)])
        return fail(Code::kInvalid, "node {} is reached twice (a cycle)", child);
      reached[static_cast<size_t>(child)] = true;
      open.emplace_back(child, depth + 1);
    }
  }
  return ok();
}

template <class T>
void Ensemble<T>::add(const SourceTree& tree) {
  struct Placed {
    int32_t source;
    uint32_t place;
    uint16_t depth;
  };
  const auto root = static_cast<uint32_t>(nodes_.size());
  std::vector<Placed> queue{{0, root, 0}};  // breadth first: the top levels of a tree share cache lines
  nodes_.emplace_back();
  uint16_t depth = 0;
  for (size_t i = 0; i < queue.size(); ++i) {
    const Placed at = queue[i];
    const SourceNode& from = tree.nodes[static_cast<size_t>(at.source)];
    depth = std::max(depth, at.depth);
    const auto value = static_cast<T>(from.threshold);
    if (from.is_leaf()) {
      nodes_[at.place] = {value, static_cast<uint32_t>(features_), at.place};
      continue;
    }
    const auto left = static_cast<uint32_t>(nodes_.size());
    const uint32_t flags = (from.default_left ? 0 : kDefaultRight) | static_cast<uint32_t>(from.missing)
                                                                         << kMissingShift;
    nodes_[at.place] = {value, static_cast<uint32_t>(from.feature) | flags, left};
    nodes_.resize(nodes_.size() + 2);
    queue.push_back({from.left, left, static_cast<uint16_t>(at.depth + 1)});
    queue.push_back({from.right, left + 1, static_cast<uint16_t>(at.depth + 1)});
  }
  roots_.push_back(root);
  tree_group_.push_back(tree.group);
  depth_.push_back(depth);
}

template <class T>
void Ensemble<T>::seal() {
  nodes_.shrink_to_fit();
  for (size_t tree = 0; tree < roots_.size(); tree += kTogether) {
    const size_t end = std::min(tree + kTogether, roots_.size());
    chunk_depth_.push_back(*std::max_element(depth_.begin() + tree, depth_.begin() + end));
  }
}

template <class T>
void Ensemble<T>::prepare(std::span<T> row) const {
  row[features_] = -std::numeric_limits<T>::infinity();
}

template <class T>
inline uint32_t Ensemble<T>::step(const Node& node, T x) {
  const bool nan = std::isnan(x);
  const uint32_t default_way = node.feature >> 31;
  if constexpr (std::is_same_v<T, float>) {  // XGBoost
    const bool right = !(x < node.threshold);
    return node.left + (nan ? default_way : static_cast<uint32_t>(right));
  } else {  // LightGBM, Tree::NumericalDecision: NaN counts as 0 unless NaN is what is missing
    const auto missing = static_cast<Missing>(node.feature >> kMissingShift & 3);
    const double value = nan && missing != Missing::kNan ? 0.0 : x;
    const bool zero = std::abs(value) <= kZeroThreshold;
    const bool is_missing = (missing == Missing::kZero && zero) || (missing == Missing::kNan && nan);
    const bool right = !(value <= node.threshold);
    return node.left + (is_missing ? default_way : static_cast<uint32_t>(right));
  }
}

template <class T>
void Ensemble<T>::walk(std::span<const T> row, std::span<T> sums) const {
  const Node* nodes = nodes_.data();
  const T* values = row.data();
  const auto next = [&](uint32_t at) { return step(nodes[at], values[nodes[at].feature & kFeatureMask]); };
  const size_t whole = roots_.size() / kTogether * kTogether;
  std::array<uint32_t, kTogether> at;
  for (size_t tree = 0; tree < whole; tree += kTogether) {
    for (size_t i = 0; i < kTogether; ++i) at[i] = roots_[tree + i];
    for (int steps = chunk_depth_[tree / kTogether]; steps > 0; --steps)
      for (size_t i = 0; i < kTogether; ++i) at[i] = next(at[i]);
    for (size_t i = 0; i < kTogether; ++i)
      sums[static_cast<size_t>(tree_group_[tree + i])] += nodes[at[i]].threshold;
  }
  for (size_t tree = whole; tree < roots_.size(); ++tree) {
    uint32_t here = roots_[tree];
    for (int steps = depth_[tree]; steps > 0; --steps) here = next(here);
    sums[static_cast<size_t>(tree_group_[tree])] += nodes[here].threshold;
  }
}

template class Ensemble<float>;
template class Ensemble<double>;

}  // namespace slipway::native
