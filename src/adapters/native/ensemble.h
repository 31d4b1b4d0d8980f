// The tree engine: trees of one ensemble in one array, many trees walked at once.
//
// Layout: a node is a threshold, a feature and the place of its left child; the right child is the next one.
// A leaf is a node whose feature is a slot of the row that always holds -infinity and whose left child is
// itself: walking it stays there, so every tree of a group is walked for the same number of steps without a
// branch that depends on the data. The threshold of a leaf is its value. (The idea is that of branch-free
// interleaved walks: Asadi, Lin, de Vries, "Runtime Optimizations for Tree-Based Machine Learning Models",
// TKDE 2014.)
//
// Sums are made in the order and type of the framework: trees in file order, float for XGBoost and double for
// LightGBM. Immutable after build(); row() is thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "values/base/result.h"

namespace slipway::native {

// What a split does with values, as the frameworks say it.
enum class Missing : uint8_t {
  kNone,
  kZero,
  kNan
};  // which values count as missing: LightGBM's missing_type

struct SourceNode {
  double threshold = 0;  // of a split; the value of a leaf
  int32_t feature = 0;   // of a split
  int32_t left = -1;     // index in the tree; -1 and -1: a leaf
  int32_t right = -1;
  bool default_left = false;  // where missing values go
  Missing missing = Missing::kNan;

  bool is_leaf() const { return left < 0 && right < 0; }
};

struct SourceTree {
  std::vector<SourceNode> nodes;  // nodes[0] is the root
  int32_t group = 0;              // the output that its leaf is added to
};

inline constexpr size_t kMaxFeatures = size_t(1) << 28;
inline constexpr size_t kMaxTreeDepth = 10'000;

// LightGBM's zero window: a float's 1e-35 as a double, both ends included.
inline constexpr double kZeroThreshold = 1e-35F;

// kInvalid with the node when children are out of range, a node is reached twice (a cycle), a feature is out
// of range, a threshold is NaN (infinite ones occur: all values but NaN go one way), or a leaf's value is not
// finite. Nodes that are not reached are allowed: XGBoost keeps deleted ones.
Status check_tree(const SourceTree& tree, size_t features, size_t groups);

// T: float with `x < threshold goes left` (XGBoost), double with `x <= threshold goes left` (LightGBM).
template <class T>
class Ensemble {
 public:
  Ensemble(size_t features, size_t groups) : features_(features), groups_(groups) {}

  // Takes a tree that check_tree found good.
  void add(const SourceTree& tree);
  void seal();  // after the last tree

  size_t features() const { return features_; }
  size_t groups() const { return groups_; }
  size_t trees() const { return roots_.size(); }
  size_t bytes() const { return nodes_.size() * sizeof(Node); }

  // A row for walk(): its features, then one more slot, which prepare() fills.
  size_t row_width() const { return features_ + 1; }
  void prepare(std::span<T> row) const;

  // Adds each tree's leaf to sums[its group], in the order of the trees.
  void walk(std::span<const T> row, std::span<T> sums) const;

 private:
  struct Node {
    T threshold;
    uint32_t feature;  // and the two flags below
    uint32_t left;
  };
  static constexpr uint32_t kDefaultRight = 1U << 31;
  static constexpr int kMissingShift = 29;
  static constexpr uint32_t kFeatureMask = (1U << kMissingShift) - 1;
  static constexpr size_t kTogether = 8;

  static uint32_t step(const Node& node, T x);

  size_t features_;
  size_t groups_;
  std::vector<Node> nodes_;
  std::vector<uint32_t> roots_;
  std::vector<int32_t> tree_group_;
  std::vector<uint16_t> depth_;        // of each tree
  std::vector<uint16_t> chunk_depth_;  // the deepest of each kTogether trees
};

extern template class Ensemble<float>;
extern template class Ensemble<double>;

}  // namespace slipway::native
