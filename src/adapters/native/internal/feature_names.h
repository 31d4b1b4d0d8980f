// The names of a model's features as a file lists them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::native::internal {

class FeatureNames {
 public:
  // Past so many they are counted and not kept: a name of one byte in the file takes 32 in memory, a few
  // times over.
  static constexpr size_t kMost = 65'536;

  void add(std::string_view name) {
    if (++count_ <= kMost) return void(names_.emplace_back(name));
    names_ = {};
  }
  size_t count() const { return count_; }

  // kInvalid when there are more or fewer than features. Empty when they were too many to keep.
  Result<std::vector<std::string>> take(size_t features) {
    if (count_ != features)
      return fail(Code::kInvalid, "feature_names has {} entries for {} features", count_, features);
    return std::move(names_);
  }

 private:
  size_t count_ = 0;
  std::vector<std::string> names_;
};

}  // namespace slipway::native::internal
