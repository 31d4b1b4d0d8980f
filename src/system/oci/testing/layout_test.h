// A layout in a folder of its own, and the few steps that tests repeat.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "system/oci/layout.h"
#include "system/oci/manifest.h"

namespace slipway::oci::testing {

// Shows the machine's time, moved by what a test adds: files carry the machine's.
class ShiftedClock final : public runtime::Clock {
 public:
  TimePoint now() const override { return real_.now(); }
  WallTime wall() const override { return real_.wall() + std::chrono::hours(hours); }
  std::atomic<int> hours{0};

 private:
  runtime::RealClock real_;
};

class LayoutTest : public ::testing::Test {
 protected:
  LayoutTest() {
    // In memory where there is room for it: thousands of small files come and go.
    const std::filesystem::path memory = "/dev/shm";
    std::string name =
        (std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path()) /
        "slipway-oci-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    base_ = name;
    std::filesystem::create_directory(base_ / "store");
  }
  ~LayoutTest() override { std::filesystem::remove_all(base_); }

  std::string path() const { return (base_ / "store").string(); }
  std::string at(const std::string& relative) const { return path() + "/" + relative; }
  std::string blob_at(const Digest& digest) const { return at(blob_path(digest)); }

  Layout& open(LayoutOptions options = {}) {
    layout_.reset();
    auto opened = Layout::open(path(), options, clock_);
    if (!opened) throw std::runtime_error(opened.error().message);
    layout_ = std::move(*opened);
    return *layout_;
  }
  void wait(std::chrono::hours time) { clock_.hours += static_cast<int>(time.count()); }

  // A version of one file, pushed: the file's blob, the config and the manifest with its tag.
  static Digest push(Layout& layout, const std::string& repository, const std::string& tag,
                     const std::string& content) {
    const ModelManifest made = manifest_of(content);
    EXPECT_TRUE(layout.put_blob(content));
    EXPECT_TRUE(layout.put_blob(made.config));
    const auto stored = layout.put_manifest(repository, *Reference::parse(tag), made.manifest, kManifestType);
    EXPECT_TRUE(stored) << stored.error().message;
    return base::sha256(made.manifest);
  }
  static ModelManifest manifest_of(const std::string& content) {
    return make_model_manifest({{.path = "model.ubj",
                                 .size = content.size(),
                                 .digest = base::sha256(content),
                                 .role = Role::kWeights}},
                               "xgboost");
  }
  // Everything below the test's folder but outside the store, as text: hostile names must not change it.
  std::string outside() const {
    std::string out;
    for (const auto& entry : std::filesystem::directory_iterator(base_))
      if (entry.path().filename() != "store") out += entry.path().string() + "\n";
    return out;
  }

  std::filesystem::path base_;
  ShiftedClock clock_;
  std::unique_ptr<Layout> layout_;
};

}  // namespace slipway::oci::testing
