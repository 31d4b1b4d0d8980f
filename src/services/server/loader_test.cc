#include "services/server/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ports/backend/testing/backend_contract.h"
#include "ports/backend/testing/fake_backend.h"
#include "system/os/files.h"

namespace slipway::server {
namespace {

using backend::testing::FakeBackend;
using backend::testing::FakeBehaviour;
using ::testing::HasSubstr;

const std::string kZoo = SLIPWAY_TEST_DATA "/zoo/";

TEST(ModelSource, IsNameVersionAndPath) {
  const auto plain = parse_model_source("credit=a/b=c.json");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->name, "credit");
  EXPECT_EQ(plain->version, 1);
  EXPECT_EQ(plain->path, "a/b=c.json");
  EXPECT_EQ(parse_model_source("m:12=x")->version, 12);
  for (const char* text :
       {"", "m", "m=", "=x", "m:=x", "m:0=x", "m:-1=x", "m:1x=x", "a/b=x", "..=x", "a b=x"})
    EXPECT_FALSE(parse_model_source(text)) << text;
}

TEST(Digest, OfOneFileIsItsOwnAndOfSeveralThatOfTheirList) {
  const std::string folder = kZoo + "onnx_mlp_external";
  EXPECT_EQ(*digest_of(folder, {"model.onnx"}), *os::sha256_file(folder + "/model.onnx"));
  const std::string lines = os::sha256_file(folder + "/model.onnx")->hex() + "  model.onnx\n" +
                            os::sha256_file(folder + "/weights.bin")->hex() + "  weights.bin\n";
  EXPECT_EQ(*digest_of(folder, {"model.onnx", "weights.bin"}), base::sha256(lines));
}

TEST(FakeBackendTest, HoldsTheContractOfABackend) {
  const FakeBackend fake(std::make_shared<FakeBehaviour>());
  backend::testing::expect_backend_contract(fake, {kZoo + "xgb_binary_cancer", "model.json"});
}

// A file that is recognised as "native", loaded by a fake of that name.
class Loading : public ::testing::Test {
 protected:
  Loading() { backends_.emplace("native", std::make_unique<FakeBackend>(behaviour_)); }
  Result<std::unique_ptr<LoadedModel>> load() { return load_model(source_, backends_, registry_, clock_); }

  ModelSource source_{.name = "m", .version = 3, .path = kZoo + "xgb_binary_cancer/model.json"};

  std::shared_ptr<FakeBehaviour> behaviour_ = std::make_shared<FakeBehaviour>();
  Backends backends_;
  telemetry::Registry registry_;
  runtime::RealClock clock_;
};

TEST_F(Loading, NamesTheRevisionAndWarmsTheModel) {
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->revision, "m-3-57104ea8");
  EXPECT_EQ((*loaded)->revision_header, "m-3-57104ea8; digest=" + (*loaded)->digest.str());
  EXPECT_GE(behaviour_->runs, 2);
  EXPECT_TRUE((*loaded)->cost.predict(1).has_value());
}

TEST_F(Loading, TakesTheRevisionsNameAndHoldsTheDigestAgainstWhatWasMeant) {
  source_.revision = "credit-3-0a1b2c3d";
  source_.expected = os::sha256_file(source_.path).value();
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->revision_header, "credit-3-0a1b2c3d; digest=" + source_.expected->str());
  source_.expected = base::sha256("another");
  EXPECT_THAT(load().error().message, HasSubstr(", not " + source_.expected->str()));
}

TEST_F(Loading, RefusesAModelWhoseAnswerIsNotItsSignatures) {
  behaviour_->answer_shape = {1, 3};
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("output 'y' is FP32 [1,3], the signature says FP32 [-1,2]"));
}

TEST_F(Loading, RefusesAModelThatCannotRun) {
  behaviour_->check = [](auto) -> Status { return fail(Code::kUnsupported, "no kernel"); };
  EXPECT_THAT(load().error().message, HasSubstr("the warm-up run failed: no kernel"));
}

TEST_F(Loading, RefusesAModelWhoseRowIsBeyondReason) {
  behaviour_->signature.inputs[0].shape = {-1, int64_t(1) << 28};
  const auto loaded = load();
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kUnsupported);
  EXPECT_THAT(loaded.error().message, HasSubstr("one row and its answer take more than 256 MiB"));
}

TEST_F(Loading, WarmsWithANumberWhereAnEmptyStringIsNone) {
  behaviour_->signature.inputs = {{.name = "x", .type = tensor::DataType::kBytes, .shape = {-1, 2}}};
  behaviour_->check = [](std::span<const tensor::Tensor> inputs) -> Status {
    if (inputs[0].values<std::string_view>()[0].empty()) return fail(Code::kInvalid, "not a number");
    return ok();
  };
  EXPECT_TRUE(load());
}

TEST_F(Loading, SaysWhichBackendIsMissing) {
  backends_.clear();
  EXPECT_THAT(load().error().message, HasSubstr("needs the backend 'native'"));
}

std::unique_ptr<LoadedModel> model(const std::string& name, int64_t version) {
  auto made = std::make_unique<LoadedModel>();
  made->name = name;
  made->version = version;
  made->version_text = std::to_string(version);
  made->revision = fmt::format("{}-{}-00000000", name, version);
  return made;
}

class Table : public ::testing::Test {
 protected:
  Table()
      : table_([] {
          std::vector<std::unique_ptr<LoadedModel>> models;
          models.push_back(model("b", 10));
          models.push_back(model("b", 9));
          models.push_back(model("a", 1));
          return models;
        }()) {}
  ModelTable table_;
};

TEST_F(Table, GivesTheHighestVersionUnlessOneIsNamed) {
  EXPECT_EQ((*table_.find("b", ""))->version, 10);
  EXPECT_EQ((*table_.find("b", "9"))->version, 9);
  EXPECT_EQ((*table_.find_revision("b", "b-9-00000000"))->version, 9);
  EXPECT_EQ(table_.versions(**table_.find("b", "")), (std::vector<std::string>{"9", "10"}));
}

TEST_F(Table, SaysWhatThereIs) {
  EXPECT_EQ(table_.find("c", "").error().message, "no model 'c'; there is a, b");
  EXPECT_EQ(table_.find("b", "8").error().message, "model 'b' has no version '8'; there is 9, 10");
  EXPECT_EQ(table_.find_revision("b", "x").error().message,
            "model 'b' has no revision 'x'; there is b-9-00000000, b-10-00000000");
  EXPECT_EQ(ModelTable({}).find("c", "").error().message, "no model 'c'; there is none");
}

}  // namespace
}  // namespace slipway::server
