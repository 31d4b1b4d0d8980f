#include "adapters/native/xgboost.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "adapters/native/internal/xgboost_document.h"
#include "adapters/native/ubjson.h"
#include "values/base/checked.h"
#include "values/json/scanner.h"

namespace slipway::native {
namespace {

using internal::XgboostDocument;
using internal::XgboostTree;

// How an objective turns base_score into a margin, and margins into answers.
enum class Margin : uint8_t { kAsIs, kLogit, kLog };
struct Objective {
  std::string_view name;
  Link link;
  Margin margin;
};

constexpr Objective kObjectives[] = {
    {"binary:logistic", Link::kSigmoid, Margin::kLogit},
    {"binary:logitraw", Link::kIdentity, Margin::kAsIs},
    {"binary:hinge", Link::kHinge, Margin::kAsIs},
    {"reg:logistic", Link::kSigmoid, Margin::kLogit},
    {"reg:squarederror", Link::kIdentity, Margin::kAsIs},
    {"reg:linear", Link::kIdentity, Margin::kAsIs},
    {"reg:squaredlogerror", Link::kIdentity, Margin::kAsIs},
    {"reg:absoluteerror", Link::kIdentity, Margin::kAsIs},
    {"reg:pseudohubererror", Link::kIdentity, Margin::kAsIs},
    {"reg:quantileerror", Link::kIdentity, Margin::kAsIs},
    {"reg:gamma", Link::kExp, Margin::kLog},
    {"reg:tweedie", Link::kExp, Margin::kLog},
    {"count:poisson", Link::kExp, Margin::kLog},
    {"survival:cox", Link::kExp, Margin::kLog},
    {"survival:aft", Link::kExp, Margin::kLog},
    {"multi:softprob", Link::kSoftmax, Margin::kAsIs},
    {"multi:softmax", Link::kArgMax, Margin::kAsIs},
    {"rank:pairwise", Link::kIdentity, Margin::kAsIs},
    {"rank:ndcg", Link::kIdentity, Margin::kAsIs},
    {"rank:map", Link::kIdentity, Margin::kAsIs},
};

Result<Objective> find_objective(const std::string& name) {
  for (const Objective& objective : kObjectives)
    if (objective.name == name) return objective;
  return fail(Code::kUnsupported, "learner.objective.name: '{}' has no known output transform",
              name.substr(0, 80));
}

Result<int64_t> whole_number(const std::string& field, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0)
    return fail(Code::kInvalid, "{}: '{}' is not a whole number", field, text.substr(0, 40));
  return value;
}

// 3.x writes a list in a string, "[6.4E-1]"; 1.x and 2.x wrote "6.4E-1".
Result<std::vector<float>> base_scores(const std::string& text) {
  std::vector<float> scores;
  json::Scanner in(text);
  float score = 0;
  if (in.peek() == json::Kind::kArray) {
    in.begin_array();
    while (in.next_element() && in.read(score)) scores.push_back(score);
  } else if (in.read(score)) {
    scores.push_back(score);
  }
  if (!in.finish() || scores.empty())
    return fail(Code::kInvalid, "learner_model_param.base_score: '{}' is not a number", text.substr(0, 40));
  return scores;
}

Result<float> to_margin(Margin margin, float score) {
  float value = score;
  if (margin == Margin::kLogit) value = -std::log(1.0F / score - 1.0F);
  if (margin == Margin::kLog) value = std::log(score);
  if (!std::isfinite(value))
    return fail(Code::kInvalid, "learner_model_param.base_score: {} is out of the objective's range", score);
  return value;
}

Status refuse_unserved(const XgboostDocument& document) {
  if (!document.has_learner) return fail(Code::kInvalid, "has no 'learner': not an XGBoost model");
  if (document.booster == "gblinear" || document.has_linear_weights)
    return fail(Code::kUnsupported, "booster gblinear is not served; train with booster=gbtree");
  if (document.booster == "dart" || document.has_weight_drop)
    return fail(Code::kUnsupported, "booster dart (weight_drop) is not served; train with booster=gbtree");
  if (document.booster != "gbtree")
    return fail(Code::kUnsupported, "gradient_booster.name: '{}' is not served",
                document.booster.substr(0, 40));
  return ok();
}

Status check_lists(const XgboostTree& tree) {
  const size_t nodes = tree.left.size();
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
  bool categorical = tree.has_categories;
  for (int64_t type : tree.split_type) categorical |= type != 0;
  if (categorical)
    return fail(Code::kUnsupported, "categorical splits are not served; encode the categories as numbers");
  return ok();
}

Result<SourceTree> to_source(const XgboostTree& from, int64_t group) {
  if (Status good = refuse_unserved(from); !good) return fail(good.error());
  if (Status good = check_lists(from); !good) return fail(good.error());
  SourceTree tree;
  tree.group = base::checked_cast<int32_t>(group).value_or(-1);
  tree.nodes.reserve(from.left.size());
  for (size_t i = 0; i < from.left.size(); ++i) {
    const auto left = base::checked_cast<int32_t>(from.left[i]),
               right = base::checked_cast<int32_t>(from.right[i]);
    const auto feature = base::checked_cast<int32_t>(from.feature[i]);
    if (!left || !right || !feature || (*left == -1) != (*right == -1) || *left < -1 || *right < -1)
      return fail(Code::kInvalid, "node {} has children {} and {}", i, from.left[i], from.right[i]);
    tree.nodes.push_back({.threshold = from.condition[i],
                          .feature = *feature,
                          .left = *left,
                          .right = *right,
                          .default_left = from.default_left[i] != 0});
  }
  return tree;
}

struct Sizes {
  size_t features = 0;
  size_t groups = 0;
};

Result<Sizes> sizes_of(const XgboostDocument& document) {
  const auto features = whole_number("learner_model_param.num_feature", document.num_feature);
  const auto classes = whole_number("learner_model_param.num_class", document.num_class);
  const auto targets = document.num_target.empty()
                           ? Result<int64_t>(1)
                           : whole_number("learner_model_param.num_target", document.num_target);
  for (const auto* size : {&features, &classes, &targets})
    if (!*size) return fail(size->error());
  const int64_t groups = std::max({*classes, *targets, int64_t{1}});
  if (*features < 1 || static_cast<size_t>(*features) > kMaxFeatures ||
      groups > static_cast<int64_t>(document.trees.size()) + 1)
    return fail(Code::kInvalid, "learner_model_param: {} features and {} outputs with {} trees", *features,
                groups, document.trees.size());
  return Sizes{static_cast<size_t>(*features), static_cast<size_t>(groups)};
}

Status add_trees(const XgboostDocument& document, Ensemble<float>& ensemble) {
  if (document.tree_group.size() != document.trees.size())
    return fail(Code::kInvalid, "tree_info has {} entries, there are {} trees", document.tree_group.size(),
                document.trees.size());
  if (!document.num_trees.empty() && document.num_trees != std::to_string(document.trees.size()))
    return fail(Code::kInvalid, "gbtree_model_param.num_trees is {}, there are {} trees",
                document.num_trees.substr(0, 40), document.trees.size());
  for (size_t i = 0; i < document.trees.size(); ++i) {
    const auto tree = to_source(document.trees[i], document.tree_group[i]);
    if (!tree) return fail(base::within(fmt::format("trees[{}]", i), tree.error()));
    if (Status good = check_tree(*tree, ensemble.features(), ensemble.groups()); !good)
      return fail(base::within(fmt::format("trees[{}]", i), good.error()));
    ensemble.add(*tree);
  }
  ensemble.seal();
  return ok();
}

Result<std::vector<float>> margins_of(const XgboostDocument& document, Margin margin, size_t groups) {
  const auto scores = base_scores(document.base_score);
  if (!scores) return fail(scores.error());
  if (scores->size() != 1 && scores->size() != groups)
    return fail(Code::kInvalid, "learner_model_param.base_score has {} values for {} outputs", scores->size(),
                groups);
  std::vector<float> margins;
  for (size_t i = 0; i < groups; ++i) {
    const auto value = to_margin(margin, (*scores)[scores->size() == 1 ? 0 : i]);
    if (!value) return fail(value.error());
    margins.push_back(*value);
  }
  return margins;
}

Result<TreeFile<float>> to_file(XgboostDocument document) {
  if (Status good = refuse_unserved(document); !good) return fail(good.error());
  const auto objective = find_objective(document.objective);
  if (!objective) return fail(objective.error());
  const auto sizes = sizes_of(document);
  if (!sizes) return fail(sizes.error());
  if (!document.feature_names.empty() && document.feature_names.size() != sizes->features)
    return fail(Code::kInvalid, "feature_names has {} entries for {} features", document.feature_names.size(),
                sizes->features);
  TreeFile<float> file{.ensemble = Ensemble<float>(sizes->features, sizes->groups), .link = objective->link};
  if (Status added = add_trees(document, file.ensemble); !added) return fail(added.error());
  auto margins = margins_of(document, objective->margin, sizes->groups);
  if (!margins) return fail(margins.error());
  file.base = std::move(*margins);
  file.feature_names = std::move(document.feature_names);
  file.framework =
      document.version.empty() ? "xgboost" : fmt::format("xgboost {}", fmt::join(document.version, "."));
  return file;
}

}  // namespace

Result<TreeFile<float>> read_xgboost_json(std::string_view text) {
  json::Scanner in(text, {.depth = 64});
  XgboostDocument document;
  if (Status read = internal::read_document(in, document); !read) return fail(read.error());
  auto file = to_file(std::move(document));
  if (file) file->platform = "xgboost_json";
  return file;
}

Result<TreeFile<float>> read_xgboost_ubjson(std::string_view bytes) {
  Ubjson in(bytes);
  XgboostDocument document;
  if (Status read = internal::read_document(in, document); !read) return fail(read.error());
  auto file = to_file(std::move(document));
  if (file) file->platform = "xgboost_ubj";
  return file;
}

}  // namespace slipway::native
