#include "adapters/native/xgboost.h"

#include <cmath>

#include "adapters/native/internal/xgboost_document.h"
#include "adapters/native/ubjson.h"
#include "values/base/checked.h"
#include "values/json/scanner.h"

namespace slipway::native {
namespace {

using internal::whole_number;
using internal::XgboostDocument;

constexpr size_t kMaxVersionParts = 8;

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

Status add_trees(XgboostDocument& document, Ensemble<float>& ensemble) {
  if (document.tree_group.size() != document.trees.size())
    return fail(Code::kInvalid, "tree_info has {} entries, there are {} trees", document.tree_group.size(),
                document.trees.size());
  if (!document.num_trees.empty() && document.num_trees != std::to_string(document.trees.size()))
    return fail(Code::kInvalid, "gbtree_model_param.num_trees is {}, there are {} trees",
                document.num_trees.substr(0, 40), document.trees.size());
  for (size_t i = 0; i < document.trees.size(); ++i) {
    SourceTree& tree = document.trees[i];
    tree.group = document.tree_group[i];
    if (Status good = check_tree(tree, ensemble.features(), ensemble.groups()); !good)
      return fail(base::within(fmt::format("trees[{}]", i), good.error()));
    ensemble.add(tree);
    tree.nodes = {};
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
  if (document.version.size() > kMaxVersionParts)
    return fail(Code::kInvalid, "version has {} parts", document.version.size());
  auto names = document.feature_names.count() == 0 ? Result<std::vector<std::string>>()
                                                   : document.feature_names.take(sizes->features);
  if (!names) return fail(names.error());
  TreeFile<float> file{.feature_names = std::move(*names),
                       .ensemble = Ensemble<float>(sizes->features, sizes->groups),
                       .link = objective->link};
  if (Status added = add_trees(document, file.ensemble); !added) return fail(added.error());
  auto margins = margins_of(document, objective->margin, sizes->groups);
  if (!margins) return fail(margins.error());
  file.base = std::move(*margins);
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
