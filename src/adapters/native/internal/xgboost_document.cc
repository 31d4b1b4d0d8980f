#include "adapters/native/internal/xgboost_document.h"

#include "adapters/native/ubjson.h"
#include "values/json/scanner.h"

namespace slipway::native::internal {
namespace {

using json::Kind;

template <class In>
bool read_text(In& in, std::string& out) {
  if (!out.empty()) return in.fault("the key stands here twice");
  std::string_view text;
  if (!in.read(text)) return false;
  out = text;
  return true;
}

template <class In>
bool read_number(In& in, int64_t& out) {
  if (in.peek() != Kind::kBool) return in.read(out);
  bool flag = false;  // 1.x wrote default_left as true and false
  if (!in.read(flag)) return false;
  out = flag ? 1 : 0;
  return true;
}

template <class In, class Item, class Read>
bool read_list(In& in, std::vector<Item>& out, Read&& read) {
  if (!out.empty()) return in.fault("the list stands here twice");
  if (!in.begin_array()) return false;
  while (in.next_element()) {
    Item item{};
    if (!read(item)) return false;
    out.push_back(std::move(item));
  }
  return in.good();
}

template <class In>
bool read_integers(In& in, std::vector<int32_t>& out) {
  return read_list(in, out, [&](int32_t& item) {
    int64_t wide = 0;
    if (!read_number(in, wide)) return false;
    item = static_cast<int32_t>(wide);
    return item == wide || in.fault("a number beyond 32 bits");
  });
}

template <class In>
bool read_flags(In& in, std::vector<uint8_t>& out) {
  return read_list(in, out, [&](uint8_t& item) {
    int64_t wide = 0;
    if (!read_number(in, wide)) return false;
    item = wide != 0 ? 1 : 0;
    return true;
  });
}

// A list of integers: true in `found` when one of them is not 0.
template <class In>
bool note_if_any(In& in, bool& found) {
  if (!in.begin_array()) return false;
  while (in.next_element()) {
    int64_t item = 0;
    if (!read_number(in, item)) return false;
    found |= item != 0;
  }
  return in.good();
}

// Any list: true in `filled` when it has an element.
template <class In>
bool note_if_filled(In& in, bool& filled) {
  if (in.peek() != Kind::kArray) return in.skip();
  if (!in.begin_array()) return false;
  while (in.next_element()) {
    filled = true;
    if (!in.skip()) return false;
  }
  return in.good();
}

template <class In, class Member>
bool read_object(In& in, Member&& member) {
  if (!in.begin_object()) return false;
  for (std::string_view key; in.next_key(key);) {
    const std::string name(key.substr(0, 40));
    if (!member(name)) return false;
  }
  return in.good();
}

template <class In>
bool read_tree(In& in, XgboostTree& tree) {
  return read_object(in, [&](const std::string& key) {
    if (key == "left_children") return read_integers(in, tree.left);
    if (key == "right_children") return read_integers(in, tree.right);
    if (key == "split_indices") return read_integers(in, tree.feature);
    if (key == "default_left") return read_flags(in, tree.default_left);
    if (key == "split_type") return note_if_any(in, tree.has_categories);
    if (key == "categories" || key == "categories_nodes" || key == "categories_segments" ||
        key == "categories_sizes")
      return note_if_filled(in, tree.has_categories);
    if (key == "split_conditions")
      return read_list(in, tree.condition, [&](float& item) { return in.read(item); });
    if (key != "tree_param") return in.skip();
    return read_object(in, [&](const std::string& name) {
      if (name == "num_nodes") return read_text(in, tree.num_nodes);
      if (name == "size_leaf_vector") return read_text(in, tree.size_leaf_vector);
      return in.skip();
    });
  });
}

template <class In>
bool read_trees(In& in, XgboostDocument& out) {
  if (!out.trees.empty()) return in.fault("the list stands here twice");
  if (!in.begin_array()) return false;
  XgboostTree scratch;
  while (in.next_element()) {
    scratch.clear();
    if (!read_tree(in, scratch)) return false;
    auto tree = to_source(scratch);
    if (!tree) {
      out.refusal = base::within(fmt::format("trees[{}]", out.trees.size()), tree.error());
      return false;
    }
    out.trees.push_back(std::move(*tree));
  }
  return in.good();
}

template <class In>
bool read_names(In& in, FeatureNames& out) {
  if (out.count() != 0) return in.fault("the list stands here twice");
  if (!in.begin_array()) return false;
  while (in.next_element()) {
    std::string_view name;
    if (!in.read(name)) return false;
    out.add(name);
  }
  return in.good();
}

template <class In>
bool read_trees_model(In& in, XgboostDocument& out) {
  return read_object(in, [&](const std::string& key) {
    if (key == "tree_info") return read_integers(in, out.tree_group);
    if (key == "trees") return read_trees(in, out);
    if (key == "weight_drop") return note_if_filled(in, out.has_weight_drop);
    if (key == "weights") return note_if_filled(in, out.has_linear_weights);
    if (key != "gbtree_model_param") return in.skip();
    return read_object(in, [&](const std::string& name) {
      return name == "num_trees" ? read_text(in, out.num_trees) : in.skip();
    });
  });
}

template <class In>
bool read_booster(In& in, XgboostDocument& out) {
  return read_object(in, [&](const std::string& key) {
    if (key == "name") return read_text(in, out.booster);
    if (key == "model") return read_trees_model(in, out);
    return in.skip();
  });
}

template <class In>
bool read_learner_parameters(In& in, XgboostDocument& out) {
  return read_object(in, [&](const std::string& key) {
    if (key == "base_score") return read_text(in, out.base_score);
    if (key == "num_class") return read_text(in, out.num_class);
    if (key == "num_feature") return read_text(in, out.num_feature);
    if (key == "num_target") return read_text(in, out.num_target);
    return in.skip();
  });
}

template <class In>
bool read_learner(In& in, XgboostDocument& out) {
  if (out.has_learner) return in.fault("the key 'learner' stands here twice");
  out.has_learner = true;
  return read_object(in, [&](const std::string& key) {
    if (key == "gradient_booster") return read_booster(in, out);
    if (key == "learner_model_param") return read_learner_parameters(in, out);
    if (key == "feature_names") return read_names(in, out.feature_names);
    if (key != "objective") return in.skip();
    return read_object(in, [&](const std::string& name) {
      return name == "name" ? read_text(in, out.objective) : in.skip();
    });
  });
}

}  // namespace

template <class In>
Status read_document(In& in, XgboostDocument& out) {
  const bool read = read_object(in, [&](const std::string& key) {
    if (key == "learner") return read_learner(in, out);
    if (key == "version") return read_integers(in, out.version);
    return in.skip();
  });
  if (out.refusal) return fail(*out.refusal);
  if (!read || !in.finish()) return fail(in.error());
  return ok();
}

template Status read_document(json::Scanner& in, XgboostDocument& out);
template Status read_document(Ubjson& in, XgboostDocument& out);

}  // namespace slipway::native::internal
