#include "adapters/native/lightgbm.h"

#include <algorithm>
#include <cmath>

#include "adapters/native/internal/lines.h"
#include "values/base/checked.h"

namespace slipway::native {
namespace {

using internal::Lines;
using internal::Section;

struct Document {
  Section head{1};
  std::vector<Section> trees;
};

Result<Document> split_sections(std::string_view text) {
  Lines lines(text);
  Document document;
  std::string_view line;
  if (!lines.next(line) || line != "tree")
    return fail(Code::kInvalid, "line 1: expected 'tree', the first line of a LightGBM model");
  Section* section = &document.head;
  while (lines.next(line)) {
    if (line == "end of trees") return document;
    if (line.empty()) continue;
    if (line.starts_with("Tree=")) {
      document.trees.emplace_back(lines.number());
      section = &document.trees.back();
      continue;
    }
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      section->add({line.substr(0, equals), line.substr(equals + 1), lines.number()});
    } else if (section == &document.head) {
      section->add({line, "", lines.number()});  // average_output stands alone
    } else {
      return fail(Code::kInvalid, "line {}: expected key=value, found '{}'", lines.number(),
                  line.substr(0, 40));
    }
  }
  return fail(Code::kInvalid, "the file ends at line {} without 'end of trees': it is cut off",
              lines.number());
}

struct Objective {
  Link link = Link::kIdentity;
  double scale = 1;
};

Result<Objective> read_objective(std::string_view text) {
  std::vector<std::string_view> words;
  internal::each_word(text, [&](std::string_view word) { return words.push_back(word), true; });
  const std::string_view name = words.empty() ? "" : words[0];
  Objective objective;
  for (std::string_view word : words)
    if (word.starts_with("sigmoid:")) {
      const auto scale = internal::parse_number<double>("objective sigmoid", word.substr(8));
      if (!scale) return fail(scale.error());
      objective.scale = *scale;
    }
  constexpr std::string_view kPlain[] = {"",     "custom",   "regression_l1", "huber",      "fair",
                                         "mape", "quantile", "lambdarank",    "rank_xendcg"};
  const auto is = [&](auto... names) { return ((name == names) || ...); };
  const bool root = std::find(words.begin(), words.end(), "sqrt") != words.end();
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

Result<Head> read_head(const Section& head, size_t trees) {
  const auto last_feature = head.integer("max_feature_idx");
  const auto groups = head.integer("num_tree_per_iteration");
  if (!last_feature || !groups) return fail(!last_feature ? last_feature.error() : groups.error());
  if (*last_feature < 0 || static_cast<size_t>(*last_feature) >= kMaxFeatures)
    return fail(Code::kInvalid, "max_feature_idx is {}", *last_feature);
  if (*groups < 1 || static_cast<size_t>(*groups) > trees || trees % static_cast<size_t>(*groups) != 0)
    return fail(Code::kInvalid, "num_tree_per_iteration is {}, there are {} trees", *groups, trees);
  return Head{static_cast<size_t>(*last_feature) + 1, static_cast<size_t>(*groups)};
}

Status add_trees(const Document& document, size_t file_bytes, Ensemble<double>& ensemble) {
  for (size_t i = 0; i < document.trees.size(); ++i) {
    const std::string where = fmt::format("Tree={} (line {})", i, document.trees[i].line());
    auto tree = read_tree(document.trees[i], file_bytes);
    if (!tree) return fail(base::within(where, tree.error()));
    tree->group = static_cast<int32_t>(i % ensemble.groups());
    if (Status good = check_tree(*tree, ensemble.features(), ensemble.groups()); !good)
      return fail(base::within(where, good.error()));
    ensemble.add(*tree);
  }
  ensemble.seal();
  return ok();
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  internal::each_word(text, [&](std::string_view word) { return words.emplace_back(word), true; });
  return words;
}

}  // namespace

Result<TreeFile<double>> read_lightgbm(std::string_view text) {
  const auto document = split_sections(text);
  if (!document) return fail(document.error());
  const auto head = read_head(document->head, document->trees.size());
  if (!head) return fail(head.error());
  const auto objective = read_objective(document->head.find("objective").value_or(""));
  if (!objective) return fail(objective.error());
  TreeFile<double> file{.platform = "lightgbm_text",
                        .framework = fmt::format("lightgbm {}", document->head.find("version").value_or("")),
                        .feature_names = words_of(document->head.find("feature_names").value_or("")),
                        .ensemble = Ensemble<double>(head->features, head->groups),
                        .base = std::vector<double>(head->groups),
                        .link = objective->link,
                        .link_scale = objective->scale};
  if (file.feature_names.size() != head->features)
    return fail(Code::kInvalid, "feature_names has {} entries for {} features", file.feature_names.size(),
                head->features);
  if (Status added = add_trees(*document, text.size(), file.ensemble); !added) return fail(added.error());
  const size_t iterations = document->trees.size() / head->groups;
  if (document->head.has("average_output")) file.divide_by = static_cast<double>(iterations);
  return file;
}

}  // namespace slipway::native
