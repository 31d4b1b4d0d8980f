#include "services/server/formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace slipway::server {
namespace {

using namespace std::string_view_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kZoo = SLIPWAY_TEST_DATA "/zoo/";

class Formats : public ::testing::Test {
 protected:
  Formats() {
    std::string name = (std::filesystem::temp_directory_path() / "slipway-formats-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~Formats() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  Error refusal(std::string_view bytes) {
    const auto path = write("model.onnx", bytes);
    auto found = recognise(path);
    EXPECT_FALSE(found) << found->format;
    if (found) return {};
    EXPECT_THAT(found.error().message, HasSubstr(path));
    return found.error();
  }

  std::filesystem::path folder_;
};

// A stored zip file with empty members.
std::string zip(const std::vector<std::string>& names) {
  const auto two = [](size_t value) {
    return std::string{static_cast<char>(value & 255), static_cast<char>(value >> 8)};
  };
  const auto four = [&](size_t value) { return two(value & 0xFFFF) + two(value >> 16); };
  std::string members;
  std::string directory;
  for (const auto& name : names) {
    directory += "PK\1\2" + std::string(24, '\0') + two(name.size()) + std::string(12, '\0') +
                 four(members.size()) + name;
    members += "PK\3\4" + std::string(22, '\0') + two(name.size()) + two(0) + name;
  }
  return members + directory + "PK\5\6" + std::string(8, '\0') + four(directory.size()) +
         four(members.size()) + two(0);
}

TEST_F(Formats, KnowsEveryModelOfTheZooByItsBytes) {
  const struct {
    const char *file, *backend, *format;
  } rows[] = {
      {"xgb_binary_cancer/model.json", "native", "XGBoost JSON"},
      {"xgb_binary_cancer/model.ubj", "native", "XGBoost UBJSON"},
      {"xgb_old17_iris/model.json", "native", "XGBoost JSON"},
      {"xgb_old17_iris/model.ubj", "native", "XGBoost UBJSON"},
      {"lgb_binary_cancer/model.txt", "native", "LightGBM text"},
      {"lgb_poisson_rf/model.txt", "native", "LightGBM text"},
      {"onnx_simple/model.onnx", "onnx", "ONNX"},
      {"onnx_mlp_external/model.onnx", "onnx", "ONNX"},
      {"skl_pipeline_penguins/model.onnx", "onnx", "ONNX"},
      {"skl_zipmap_penguins/model.onnx", "onnx", "ONNX"},
  };
  for (const auto& row : rows) {
    std::filesystem::copy_file(kZoo + row.file, folder_ / "model.dat",
                               std::filesystem::copy_options::overwrite_existing);
    auto found = recognise((folder_ / "model.dat").string());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->backend, row.backend);
    EXPECT_EQ(found->format, row.format) << row.file;
    EXPECT_EQ(found->files.root, folder_.string());
    EXPECT_EQ(found->files.main, "model.dat");
  }
}

TEST_F(Formats, RefusesWhatIsNotServedWithTheWayOut) {
  const struct {
    std::string_view bytes;
    const char *what, *way_out;
  } rows[] = {
      {"\x80\x04\x95\x32"sv, "Python pickle", "skl2onnx.to_onnx"},
      {"\x80\x02}q\0."sv, "Python pickle", "skl2onnx.to_onnx"},
      {"cos\nsystem\n(S'true'\ntR."sv, "Python pickle", "never read"},
      {"(dp0\nS'a'\np1\nI1\ns."sv, "Python pickle", "never read"},
      {"\x78\x5e\x7d"sv, "joblib", "skl2onnx"},
      {"\x1f\x8b\x08"sv, "joblib", "skl2onnx"},
      {"\x04\x22\x4d\x18"sv, "joblib", "skl2onnx"},
      {"binf\0\0"sv, "XGBoost binary", "3.0 or older"},
      {"CBM1\x60"sv, "CatBoost", "format='onnx'"},
      {"{\"features_info\":{},\"oblivious_trees\":[]}"sv, "CatBoost", "format='onnx'"},
      {"\x1c\0\0\0TFL3"sv, "TFLite", "tf2onnx"},
      {"\x89HDF\r\n\x1a\n"sv, "HDF5", "format='onnx'"},
      {"\x93NUMPY\1"sv, "NumPy array", "not a model"},
      {"import os\nclass Model:\n  pass\n"sv, "Python source", "not run"},
      {"\"\"\"Doc\"\"\"\nfrom x import y\n"sv, "Python source", "not run"},
  };
  for (const auto& row : rows) {
    const Error error = refusal(row.bytes);
    EXPECT_EQ(error.code, Code::kUnsupported) << row.what;
    EXPECT_THAT(error.message, AllOf(HasSubstr(row.what), HasSubstr(row.way_out)));
  }
}

TEST_F(Formats, LooksIntoZipFilesByName) {
  const struct {
    std::vector<std::string> names;
    const char* what;
  } rows[] = {
      {{"model/data.pkl", "model/data/0", "model/constants.pkl"}, "TorchScript"},
      {{"archive/data.pkl", "archive/data/0"}, "PyTorch file"},
      {{"123.npy", "schema.json"}, "skops"},
      {{"metadata.json", "config.json", "model.weights.h5"}, "Keras"},
      {{"a.npy", "b.npy"}, "NumPy archive"},
      {{"readme.txt"}, "a zip file"},
  };
  for (const auto& row : rows) EXPECT_THAT(refusal(zip(row.names)).message, HasSubstr(row.what));
  const std::string whole = zip({"model/data.pkl"});
  for (size_t length = 4; length < whole.size(); ++length) {
    EXPECT_THAT(refusal(whole.substr(0, length)).message, HasSubstr("a zip file"));
  }
}

TEST_F(Formats, SaysWhatItSeesInFilesThatAreNoModels) {
  const struct {
    std::string_view bytes;
    const char* says;
  } rows[] = {
      {"", "an empty file"},
      {"<html>404 Not Found</html>\n", "it begins with '<html>404 Not Found</html>'"},
      {"{\"a\": 1}", "it has no object 'learner'"},
      {"{\"a\": ", "broken JSON: at byte 6"},
      {"\x89PNG\r\n\x1a\n"sv, "begins with the bytes 89 50 4e 47"},
      {"{L\x7f\xff\xff\xff\xff\xff\xff\xff"sv, "claims 9223372036854775807 bytes"},
      {"{i\1aT}", "neither 'learner' nor 'version'"},
  };
  for (const auto& row : rows) {
    const Error error = refusal(row.bytes);
    EXPECT_EQ(error.code, Code::kInvalid);
    EXPECT_THAT(error.message, HasSubstr(row.says));
  }
}

TEST_F(Formats, FindsTheOneModelOfAFolder) {
  auto found = recognise(kZoo + "onnx_mlp_external/");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->files.root, kZoo + "onnx_mlp_external");
  EXPECT_EQ(found->files.main, "model.onnx");
}

TEST_F(Formats, NamesTheCandidatesWhenAFolderHoldsSeveral) {
  auto found = recognise(kZoo + "xgb_binary_cancer");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message,
              AllOf(HasSubstr("2 models: model.json (XGBoost JSON), model.ubj (XGBoost UBJSON)"),
                    HasSubstr("xgb_binary_cancer/model.json")));
}

TEST_F(Formats, SaysWhatLiesInAFolderWithoutAModel) {
  EXPECT_THAT(recognise(folder_.string()).error().message, HasSubstr("the folder is empty"));
  write("notes.txt", "nothing here");
  std::filesystem::create_directory(folder_ / "1");
  EXPECT_THAT(recognise(folder_.string()).error().message, HasSubstr("found: 1/, notes.txt"));
  write("model.pkl", "\x80\x04\x95");
  EXPECT_THAT(recognise(folder_.string()).error().message, HasSubstr("model.pkl: this is a Python pickle"));
  write("saved_model.pb", "\x08\x01\x12\x7f");
  EXPECT_THAT(recognise(folder_.string()).error().message, HasSubstr("TensorFlow SavedModel"));
}

TEST_F(Formats, SeesASavedModelInItsVersionsFolder) {
  std::filesystem::create_directory(folder_ / "1");
  write("1/saved_model.pb", "\x08\x01\x12\x7f");
  EXPECT_THAT(recognise(folder_.string()).error().message, HasSubstr("/1: this is a TensorFlow SavedModel"));
}

TEST_F(Formats, FollowsALinkToTheFolderOfTheFileItself) {
  std::filesystem::create_symlink(kZoo + "onnx_mlp_external/model.onnx", folder_ / "link");
  auto found = recognise((folder_ / "link").string());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(found->files.root, HasSubstr("onnx_mlp_external"));
  EXPECT_EQ(found->files.main, "model.onnx");
}

TEST_F(Formats, NamesAPathThatIsNotThere) {
  auto found = recognise((folder_ / "absent").string());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace slipway::server
