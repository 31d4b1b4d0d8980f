#include "adapters/native/lightgbm.h"

#include <algorithm>
#include <cmath>

#include "adapters/native/internal/feature_names.h"
#include "adapters/native/internal/lines.h"
#include "values/base/checked.h"

namespace slipway::native {
namespace {

using internal::Lines;
using internal::Section;

constexpr std::string_view kHeadKeys[] = {"version",   "num_tree_per_iteration", "max_feature_idx",
                                          "objective", "feature_names",          "average_output"};
constexpr std::string_view kTreeKeys[] = {"num_leaves",    "is_linear",  "leaf_value",  "split_feature",
                                          "decision_type", "left_child", "right_child", "threshold"};

// What ended a section.
enum class Next : uint8_t { kTree, kEnd };

// Takes the section's lines, and the line that ends it.
Result<Next> read_section(Lines& lines, Section& section) {
  const bool head = lines.number() == 1;
  for (std::string_view line; lines.next(line);) {
    if (line == "end of trees") return Next::kEnd;
    if (line.starts_with("Tree=")) return Next::kTree;
    if (line.empty()) continue;
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos && !head)
      return fail(Code::kInvalid, "line {}: expected key=value, found '{}'", lines.number(),
                  line.substr(0, 40));
    const std::string_view key = line.substr(0, equals);  // average_output stands alone
    const std::string_view value = equals == std::string_view::npos ? "" : line.substr(equals + 1);
    if (Status added = section.add(key, value); !added)
      return fail(base::within(fmt::format("line {}", lines.number()), added.error()));
  }
  return fail(Code::kInvalid, "the file ends at line {} without 'end of trees': it is cut off",
              lines.number());
}

struct Objective {
  Link link = Link::kIdentity;
  double scale = 1;
};

Result<Objective> read_objective(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(' '));
  Objective objective;
  bool root = false;
  Status good;
  internal::each_word(text, [&](std::string_view word) {
    root |= word == "sqrt";
    if (!word.starts_with("sigmoid:")) return true;
    const auto scale = internal::parse_number<double>("objective sigmoid", word.substr(8));
    if (!scale) good = fail(scale.error());
    objective.scale = scale.value_or(1);
    return good.has_value();
  });
  if (!good) return fail(good.error());
  constexpr std::string_view kPlain[] = {"",     "custom",   "regression_l1", "huber",      "fair",
                                         "mape", "quantile", "lambdarank",    "rank_xendcg"};
  const auto is = [&](auto... names) { return ((name == names) || ...); };
  if (is("regression") || (root && is("regression_l1", "fair", "quantile", "mape"))) {
    objective.link = root ? Link::kSignSquare : Link::kIdentity;
  } else if (is("binary", "multiclassova")) {
    objective.link = Link::kSigmoid;
  } else if (is("cross_entropy", "xentropy")) {
    objective = {.link = Link::kSigmoid};
  } else if (is("cross_entropy_lambda", "xentlambda")) {
    objective.link = Link::kLog1pExp;
  } else if (is("multiclass")) {
    objective.link = Link::kSoftmax;
  } else if (is("poisson", "gamma", "tweedie")) {
    objective.link = Link::kExp;
  } else if (std::find(std::begin(kPlain), std::end(kPlain), name) == std::end(kPlain)) {
    return fail(Code::kUnsupported, "objective '{}' has no known output transform", name.substr(0, 40));
  }
  return objective;
}

// A child ≥ 0 is a split, a child < 0 is the leaf ~child; our nodes are the splits and then the leaves.
Result<int32_t> child_place(int64_t child, size_t splits, size_t leaves) {
  const bool leaf = child < 0;
  const uint64_t index = static_cast<uint64_t>(leaf ? ~child : child);
  if (index >= (leaf ? leaves : splits))
    return fail(Code::kInvalid, "child {} is beyond the tree's {} splits and {} leaves", child, splits,
                leaves);
  return static_cast<int32_t>(leaf ? splits + index : index);
}

struct Splits {
  std::vector<int64_t> feature, decision, left, right;
  std::vector<double> threshold;
};

Result<Splits> read_splits(const Section& section, size_t count) {
  Splits splits;
  struct {
    std::string_view key;
    std::vector<int64_t>* list;
  } const lists[] = {{"split_feature", &splits.feature},
                     {"decision_type", &splits.decision},
                     {"left_child", &splits.left},
                     {"right_child", &splits.right}};
  for (const auto& [key, list] : lists) {
    auto values = section.numbers<int64_t>(key, count);
    if (!values) return fail(values.error());
    *list = std::move(*values);
  }
  auto thresholds = section.numbers<double>("threshold", count);
  if (!thresholds) return fail(thresholds.error());
  splits.threshold = std::move(*thresholds);
  return splits;
}

Result<SourceNode> split_node(const Splits& splits, size_t i, size_t leaves) {
  constexpr int64_t kCategorical = 1, kDefaultLeft = 2, kMissingShift = 2;
  const int64_t decision = splits.decision[i];
  if (decision & kCategorical)
    return fail(Code::kUnsupported, "categorical splits are not served; encode the categories as numbers");
  if (decision < 0 || decision >> kMissingShift > 2)
    return fail(Code::kInvalid, "decision_type {} of split {} is unknown", decision, i);
  const size_t count = splits.left.size();
  const auto left = child_place(splits.left[i], count, leaves),
             right = child_place(splits.right[i], count, leaves);
  if (!left || !right) return fail(!left ? left.error() : right.error());
  return SourceNode{.threshold = splits.threshold[i],
                    .feature = base::checked_cast<int32_t>(splits.feature[i]).value_or(-1),
                    .left = *left,
                    .right = *right,
                    .default_left = (decision & kDefaultLeft) != 0,
                    .missing = static_cast<Missing>(decision >> kMissingShift)};
}

Result<SourceTree> read_tree(const Section& section, size_t file_bytes) {
  const auto leaves = section.integer("num_leaves");
  if (!leaves) return fail(leaves.error());
  // Every leaf takes more than a byte of the file: a larger number is a lie, told before anyone makes room
  // for it.
  if (*leaves < 1 || static_cast<uint64_t>(*leaves) > file_bytes)
    return fail(Code::kInvalid, "num_leaves is {} in a file of {} bytes", *leaves, file_bytes);
  if (section.find("is_linear").value_or("0") != "0")
    return fail(Code::kUnsupported, "linear trees are not served; train with linear_tree=false");
  const auto count = static_cast<size_t>(*leaves);
  auto values = section.numbers<double>("leaf_value", count);
  if (!values) return fail(values.error());
  SourceTree tree;
  tree.nodes.reserve(2 * count - 1);
  if (count > 1) {
    const auto splits = read_splits(section, count - 1);
    if (!splits) return fail(splits.error());
    for (size_t i = 0; i + 1 < count; ++i) {
      const auto node = split_node(*splits, i, count);
      if (!node) return fail(node.error());
      tree.nodes.push_back(*node);
    }
  }
  for (double value : *values) tree.nodes.push_back({.threshold = value});
  return tree;
}

struct Head {
  size_t features = 0, groups = 0;
};

Result<Head> read_sizes(const Section& head) {
  const auto last_feature = head.integer("max_feature_idx");
  const auto groups = head.integer("num_tree_per_iteration");
  if (!last_feature || !groups) return fail(!last_feature ? last_feature.error() : groups.error());
  if (*last_feature < 0 || static_cast<size_t>(*last_feature) >= kMaxFeatures)
    return fail(Code::kInvalid, "max_feature_idx is {}", *last_feature);
  if (*groups < 1) return fail(Code::kInvalid, "num_tree_per_iteration is {}", *groups);
  return Head{static_cast<size_t>(*last_feature) + 1, static_cast<size_t>(*groups)};
}

// All of the file but its trees.
Result<TreeFile<double>> read_head(const Section& head) {
  const auto sizes = read_sizes(head);
  if (!sizes) return fail(sizes.error());
  const auto objective = read_objective(head.find("objective").value_or(""));
  if (!objective) return fail(objective.error());
  internal::FeatureNames names;
  internal::each_word(head.find("feature_names").value_or(""),
                      [&](std::string_view word) { return names.add(word), true; });
  auto kept = names.take(sizes->features);
  if (!kept) return fail(kept.error());
  const std::string_view version = head.find("version").value_or("");
  return TreeFile<double>{.platform = "lightgbm_text",
                          .framework = fmt::format("lightgbm {}", version.substr(0, 40)),
                          .feature_names = std::move(*kept),
                          .ensemble = Ensemble<double>(sizes->features, sizes->groups),
                          .link = objective->link,
                          .link_scale = objective->scale};
}

Status add_tree(const Section& section, size_t file_bytes, Ensemble<double>& ensemble) {
  auto tree = read_tree(section, file_bytes);
  if (!tree) return fail(tree.error());
  tree->group = static_cast<int32_t>(ensemble.trees() % ensemble.groups());
  if (Status good = check_tree(*tree, ensemble.features(), ensemble.groups()); !good) return good;
  ensemble.add(*tree);
  return ok();
}

// One tree after the other: of each only what the ensemble makes of it is kept.
Status read_trees(Lines& lines, size_t file_bytes, Ensemble<double>& ensemble) {
  for (Next next = Next::kTree; next == Next::kTree;) {
    Section section(lines.number(), kTreeKeys);
    const auto after = read_section(lines, section);
    if (!after) return fail(after.error());
    if (Status added = add_tree(section, file_bytes, ensemble); !added)
      return fail(
          base::within(fmt::format("Tree={} (line {})", ensemble.trees(), section.line()), added.error()));
    next = *after;
  }
  ensemble.seal();
  return ok();
}

}  // namespace

Result<TreeFile<double>> read_lightgbm(std::string_view text) {
  Lines lines(text);
  std::string_view line;
  if (!lines.next(line) || line != "tree")
    return fail(Code::kInvalid, "line 1: expected 'tree', the first line of a LightGBM model");
  Section head(1, kHeadKeys);
  const auto next = read_section(lines, head);
  if (!next) return fail(next.error());
  auto file = read_head(head);
  if (!file) return fail(file.error());
  auto& ensemble = file->ensemble;
  if (*next == Next::kTree)
    if (Status read = read_trees(lines, text.size(), ensemble); !read) return fail(read.error());
  const size_t groups = ensemble.groups();
  if (groups > ensemble.trees() || ensemble.trees() % groups != 0)
    return fail(Code::kInvalid, "num_tree_per_iteration is {}, there are {} trees", groups, ensemble.trees());
  file->base.assign(groups, 0);
  const size_t iterations = ensemble.trees() / groups;
  if (head.has("average_output")) file->divide_by = static_cast<double>(iterations);
  return file;
}

}  // namespace slipway::native
