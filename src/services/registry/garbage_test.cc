#include "services/registry/garbage.h"

#include <gtest/gtest.h>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "adapters/local/local.h"
#include "values/domain/model_version.h"

namespace slipway::registry {
namespace {

using namespace std::chrono_literals;

// A clock that stands where the test puts it.
class SetClock final : public runtime::Clock {
 public:
  TimePoint now() const override { return TimePoint(passed); }
  WallTime wall() const override { return std::chrono::system_clock::now() + passed; }
  Duration passed{0};
};

class GarbageTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "slipway-garbage-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    store_ = std::move(*local::Local::open({.path = "", .make_uid = {}, .file_layer = ""}, clock_));
    layout_ = std::move(*oci::Layout::open(folder_, {}, clock_));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A version's files in the layout; its manifest's digest.
  Digest push(const std::string& content) {
    const Digest file = *layout_->put_blob(content);
    const auto manifest = oci::make_model_manifest(
        {{.path = "model.json", .size = content.size(), .digest = file, .role = oci::Role::kWeights}},
        "test");
    static_cast<void>(*layout_->put_blob(manifest.config));
    const Digest digest = base::sha256(manifest.manifest);
    EXPECT_TRUE(layout_->put_manifest("credit", {.tag = "", .digest = digest}, manifest.manifest, ""));
    return digest;
  }
  void make_version(int64_t number, const Digest& digest) {
    const domain::ModelVersion version{.model = "credit",
                                       .version = number,
                                       .artifact = "credit@" + digest.str(),
                                       .digest = digest.str(),
                                       .format = "test"};
    ASSERT_TRUE(store_->create({.key = {store::Kind::kModelVersion, "default", version.name()},
                                .meta = {},
                                .content = json::canonical(domain::to_content(version)),
                                .status = ""},
                               {}));
  }
  bool has(const Digest& digest) {
    return layout_->manifest("credit", {.tag = "", .digest = digest}).has_value();
  }

  SetClock clock_;
  std::string folder_;
  std::unique_ptr<local::Local> store_;
  std::unique_ptr<oci::Layout> layout_;
};

TEST_F(GarbageTest, KeepsWhatAVersionNeedsAndTakesTheRestAfterADay) {
  Garbage garbage({}, *layout_, *store_);
  const Digest needed = push("needed"), forgotten = push("forgotten");
  make_version(1, needed);
  ASSERT_TRUE(garbage.step(clock_.now()));
  clock_.passed = 6min;
  ASSERT_TRUE(garbage.step(clock_.now()));
  EXPECT_TRUE(has(forgotten)) << "it may belong to a push that is going on";
  clock_.passed = 26h;
  ASSERT_TRUE(garbage.step(clock_.now()));
  EXPECT_TRUE(has(needed));
  EXPECT_FALSE(has(forgotten));
  EXPECT_TRUE(layout_->verify(nullptr)->faults.empty());
}

TEST_F(GarbageTest, TakesAVersionsFilesWhenTheVersionIsDeleted) {
  Garbage garbage({}, *layout_, *store_);
  const Digest digest = push("a");
  make_version(1, digest);
  clock_.passed = 26h;
  ASSERT_TRUE(garbage.step(clock_.now()));
  clock_.passed = 27h;
  ASSERT_TRUE(garbage.step(clock_.now()));
  EXPECT_TRUE(has(digest));
  ASSERT_TRUE(store_->remove({store::Kind::kModelVersion, "default", "credit-1"}, {}, {}));
  clock_.passed = 53h;
  ASSERT_TRUE(garbage.step(clock_.now()));
  EXPECT_FALSE(has(digest));
}

}  // namespace
}  // namespace slipway::registry
