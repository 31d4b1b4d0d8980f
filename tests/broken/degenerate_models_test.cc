// Model files that say little in many bytes, or much in few: a million trees of nothing, lists without end.
// Written by the test, for the readers' promise: loading takes at most 32 MiB + 16 × the file, whether it
// ends well or not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "load_in_child.h"

namespace slipway::broken {
namespace {

using namespace std::string_view_literals;

// Of the part that repeats. Large enough that the 32 MiB do not hide what one byte costs.
constexpr size_t kBytes = kSanitized ? 1 << 20 : 16 << 20;

std::string repeated(std::string_view piece) {
  std::string text;
  text.reserve(kBytes + piece.size());
  while (text.size() < kBytes) text += piece;
  return text;
}

std::string json_list(std::string_view item) {
  return "[" + repeated(std::string(item) + ",") + std::string(item) + "]";
}

std::string big_endian(size_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

// UBJSON: a key or a text of less than 128 bytes, a list whose items say their own type, and a list of one
// type.
std::string ub_key(std::string_view name) {
  return 'i' + std::string(1, static_cast<char>(name.size())) + std::string(name);
}
std::string ub_text(std::string_view text) { return 'S' + ub_key(text); }
std::string ub_list(std::string_view item) { return "[" + repeated(item) + "]"; }
std::string ub_typed(char type, size_t count, std::string_view items) {
  return std::string("[$") + type + "#l" + big_endian(count) + std::string(items);
}
std::string ub_bytes(size_t count, char value) { return ub_typed('i', count, std::string(count, value)); }

std::string xgb_json(const std::string& trees, const std::string& more = "") {
  return R"({"learner":{)" + more + R"("gradient_booster":{"name":"gbtree","model":{"trees":)" + trees +
         "}}}}";
}

std::string xgb_ubj(const std::string& model, const std::string& more = "") {
  return "{" + ub_key("learner") + "{" + more + ub_key("gradient_booster") + "{" + ub_key("name") +
         ub_text("gbtree") + ub_key("model") + "{" + model + "}}}}";
}

std::string ub_member(std::string_view name, const std::string& value) { return ub_key(name) + value; }

// The parameters of a good model with `features` features.
std::string ub_parameters(std::string_view features = "1") {
  return ub_member("learner_model_param", "{" + ub_member("base_score", ub_text("0")) +
                                              ub_member("num_class", ub_text("0")) +
                                              ub_member("num_feature", ub_text(features)) + "}") +
         ub_member("objective", "{" + ub_member("name", ub_text("reg:squarederror")) + "}");
}

// A good tree that is one leaf, and `deleted` nodes that nothing leads to.
std::string ub_leaf(size_t deleted) {
  const size_t nodes = deleted + 1;
  return "{" + ub_member("left_children", ub_bytes(nodes, -1)) +
         ub_member("right_children", ub_bytes(nodes, -1)) + ub_member("split_indices", ub_bytes(nodes, 0)) +
         ub_member("split_conditions", ub_bytes(nodes, 0)) + ub_member("default_left", ub_bytes(nodes, 0)) +
         ub_member("tree_param", "{" + ub_member("num_nodes", ub_text(std::to_string(nodes))) + "}") + "}";
}

std::string ub_one_leaf_trees() {
  const std::string trees = ub_list(ub_leaf(0));
  return xgb_ubj(
      ub_member("trees", trees) + ub_member("tree_info", ub_bytes(trees.size() / ub_leaf(0).size(), 0)),
      ub_parameters());
}

std::string ub_full_trees() {
  constexpr size_t kNodes = 65;  // just past a power of two: lists that double have taken twice of it
  std::string left, right;
  for (size_t i = 0; i < kNodes; ++i) {
    left += static_cast<char>(i < kNodes / 2 ? 2 * i + 1 : -1);
    right += static_cast<char>(i < kNodes / 2 ? 2 * i + 2 : -1);
  }
  const std::string tree = "{" + ub_member("left_children", ub_typed('i', kNodes, left)) +
                           ub_member("right_children", ub_typed('i', kNodes, right)) +
                           ub_member("split_indices", ub_bytes(kNodes, 0)) +
                           ub_member("split_conditions", ub_bytes(kNodes, 0)) +
                           ub_member("default_left", ub_bytes(kNodes, 0)) +
                           ub_member("tree_param", "{" + ub_member("num_nodes", ub_text("65")) + "}") + "}";
  const std::string trees = ub_list(tree);
  return xgb_ubj(ub_member("trees", trees) + ub_member("tree_info", ub_bytes(trees.size() / tree.size(), 0)),
                 ub_parameters());
}

std::string lgb(std::string_view head, std::string_view trees) {
  return "tree\nversion=v4\nnum_tree_per_iteration=1\n" + std::string(head) + "\n" + std::string(trees) +
         "end of trees\n";
}

constexpr auto kOneFeature = "max_feature_idx=0\nfeature_names=x"sv;

// A tree whose root has two leaves; nothing leads to the other splits and leaves.
std::string lgb_unreached() {
  const size_t splits = kBytes / 13;
  const auto list = [&](std::string_view key, std::string_view first, std::string_view word, size_t count) {
    std::string text = std::string(key) + "=" + std::string(first);
    for (size_t i = 1; i < count; ++i) (text += " ") += word;
    return text + "\n";
  };
  return "Tree=0\nnum_leaves=" + std::to_string(splits + 1) + "\n" +
         list("leaf_value", "0", "0", splits + 1) + list("split_feature", "0", "0", splits) +
         list("threshold", "0", "0", splits) + list("decision_type", "0", "0", splits) +
         list("left_child", "-1", "-1", splits) + list("right_child", "-2", "-1", splits);
}

struct Degenerate {
  const char *name, *file;
  std::string (*content)();
  bool loads = false;
};

const Degenerate kModels[] = {
    {"XgbEmptyTrees", "m.json", [] { return xgb_json(json_list("{}")); }},
    {"XgbEmptyTreesUbj", "m.ubj", [] { return xgb_ubj(ub_member("trees", ub_list("{}"))); }},
    {"XgbSplitTypes", "m.json", [] { return xgb_json(R"([{"split_type":)" + json_list("0") + "}]"); }},
    {"XgbSplitTypesUbj", "m.ubj",
     [] { return xgb_ubj(ub_member("trees", "[{" + ub_member("split_type", ub_bytes(kBytes, 0)) + "}]")); }},
    {"XgbTreeInfoUbj", "m.ubj", [] { return xgb_ubj(ub_member("tree_info", ub_bytes(kBytes, 0))); }},
    {"XgbFeatureNames", "m.json",
     [] { return xgb_json("[]", R"("feature_names":)" + json_list("\"\"") + ","); }},
    {"XgbFeatureNamesUbj", "m.ubj",
     [] { return xgb_ubj("", ub_member("feature_names", ub_typed('C', kBytes, std::string(kBytes, 'x')))); }},
    {"XgbVersionUbj", "m.ubj",
     [] { return "{" + ub_member("version", ub_bytes(kBytes, 1)) + ub_member("learner", "{}") + "}"; }},
    {"XgbBaseScores", "m.ubj",
     [] {
       const std::string scores = "[" + repeated("0,") + "0]";
       return xgb_ubj(ub_member("trees", "[" + ub_leaf(0) + "]") + ub_member("tree_info", ub_bytes(1, 0)),
                      ub_member("learner_model_param",
                                "{" + ub_member("base_score", "Sl" + big_endian(scores.size()) + scores) +
                                    ub_member("num_class", ub_text("0")) +
                                    ub_member("num_feature", ub_text("1")) + "}") +
                          ub_member("objective", "{" + ub_member("name", ub_text("reg:squarederror")) + "}"));
     }},
    {"XgbDeletedNodesUbj", "m.ubj",
     [] {
       return xgb_ubj(
           ub_member("trees", "[" + ub_leaf(kBytes / 5) + "]") + ub_member("tree_info", ub_bytes(1, 0)),
           ub_parameters());
     },
     true},
    {"XgbOneLeafTreesUbj", "m.ubj", ub_one_leaf_trees, true},
    {"XgbFullTreesUbj", "m.ubj", ub_full_trees, true},
    {"XgbManyNamedFeaturesUbj", "m.ubj",
     [] {
       return xgb_ubj(ub_member("trees", "[" + ub_leaf(0) + "]") + ub_member("tree_info", ub_bytes(1, 0)),
                      ub_parameters(std::to_string(kBytes)) +
                          ub_member("feature_names", ub_typed('C', kBytes, std::string(kBytes, 'x'))));
     },
     true},
    {"LgbEmptyLines", "m.txt", [] { return lgb(kOneFeature, "Tree=0\n" + repeated("=\n")); }},
    {"LgbEmptyLinesInTheHead", "m.txt", [] { return lgb(repeated("=\n"), ""); }},
    {"LgbBareWordsInTheHead", "m.txt", [] { return lgb(repeated("w\n"), ""); }},
    {"LgbKnownKeyAgainAndAgain", "m.txt",
     [] { return lgb(kOneFeature, "Tree=0\n" + repeated("threshold=\n")); }},
    {"LgbEmptyTrees", "m.txt", [] { return lgb(kOneFeature, repeated("Tree=\n")); }},
    {"LgbOneLeafTrees", "m.txt",
     [] { return lgb(kOneFeature, repeated("Tree=\nnum_leaves=1\nleaf_value=0\n")); }, true},
    {"LgbUnreachedSplits", "m.txt", [] { return lgb(kOneFeature, lgb_unreached()); }, true},
    {"LgbFeatureNames", "m.txt",
     [] {
       return lgb("max_feature_idx=" + std::to_string(kBytes / 2 - 1) + "\nfeature_names=" + repeated("x "),
                  "Tree=0\nnum_leaves=1\nleaf_value=0\n");
     },
     true},
    {"LgbObjectiveWords", "m.txt",
     [] {
       return lgb("max_feature_idx=0\nfeature_names=x\nobjective=regression" + repeated(" "),
                  "Tree=0\nnum_leaves=1\nleaf_value=0\n");
     },
     true},
};

void PrintTo(const Degenerate& model, std::ostream* out) { *out << model.name; }

class DegenerateModel : public ::testing::TestWithParam<Degenerate> {};

TEST_P(DegenerateModel, TakesNoMoreThanLoadingMay) {
  const std::string folder = ::testing::TempDir() + "degenerate." + std::to_string(::getpid());
  const std::string path = folder + "/" + GetParam().file;
  std::filesystem::create_directories(folder);
  std::ofstream(path, std::ios::binary) << GetParam().content();
  Report report;
  load_in_child(path, Ask::kNothing, report);
  EXPECT_EQ(report.loaded, GetParam().loads) << report.message;
  if (!kSanitized) {
    EXPECT_LE(report.grown, memory_bound(path)) << report.message;
  }
  EXPECT_LT(report.message.size(), 1000U);
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Native, DegenerateModel, ::testing::ValuesIn(kModels),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace slipway::broken
