// Every file of tests/data/broken, loaded as the server would and asked once, each in a child process of its
// own: it must be refused where the manifest says so, and never crash, hang, or take more than 32 MiB + 16 ×
// its size.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "load_in_child.h"

namespace slipway::broken {
namespace {

const std::string kBroken = SLIPWAY_TEST_DATA "/broken/";

struct Case {
  std::string name;
  std::string file;
  bool must_refuse = false;

  std::string path() const { return kBroken + name + "/" + file; }
};

// Small ONNX files that would have the runtime unfold gigabytes while it loads.
std::vector<Case> bombs() {
  std::vector<Case> cases;
  for (const auto* name : {"doubling_concat", "many_constants", "unfolding_functions"}) {
    cases.push_back({"../onnx", std::string(name) + ".onnx"});
  }
  return cases;
}

std::vector<Case> all_cases() {
  std::ifstream file(kBroken + "manifest.json");
  const auto manifest = nlohmann::json::parse(file);
  std::vector<Case> cases;
  for (const auto& [name, facts] : manifest.items()) {
    cases.push_back({name, facts["file"], facts["expect"] == "refuse"});
  }
  return cases;
}

void PrintTo(const Case& broken, std::ostream* out) { *out << broken.path(); }

class BrokenFile : public ::testing::TestWithParam<Case> {};

TEST_P(BrokenFile, IsRefusedOrDoesNoHarm) {
  const Case& broken = GetParam();
  Report report;
  ASSERT_NO_FATAL_FAILURE(load_in_child(broken.path(), Ask::kOneRow, report));
  EXPECT_FALSE(broken.must_refuse && report.loaded);
  if (!report.loaded) {
    EXPECT_THAT(report.message, ::testing::HasSubstr(broken.name + "/" + broken.file));
  }
  EXPECT_THAT(report.message, ::testing::Not(::testing::HasSubstr("\n")));
  if (!kSanitized) {
    EXPECT_LE(report.grown, memory_bound(broken.path()));
  }
  EXPECT_FALSE(std::filesystem::exists("ZOO_PICKLE_WAS_EXECUTED"));
}

INSTANTIATE_TEST_SUITE_P(Zoo, BrokenFile, ::testing::ValuesIn(all_cases()),
                         [](const auto& row) { return row.param.name; });

class Bomb : public ::testing::TestWithParam<Case> {};

TEST_P(Bomb, DoesNotUnfoldAtLoad) {
  Report report;
  ASSERT_NO_FATAL_FAILURE(load_in_child(GetParam().path(), Ask::kNothing, report));
  if (!kSanitized) {
    EXPECT_LE(report.grown, memory_bound(GetParam().path()));
  }
}

INSTANTIATE_TEST_SUITE_P(Onnx, Bomb, ::testing::ValuesIn(bombs()),
                         [](const auto& row) { return row.param.file.substr(0, row.param.file.find('.')); });

TEST(BrokenFiles, AreAllHere) { EXPECT_EQ(all_cases().size(), 60U); }

}  // namespace
}  // namespace slipway::broken
