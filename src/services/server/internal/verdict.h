// What a file's bytes are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::server {

// kRefused: a model, but not served. kData: known, and no model.
enum class Finding : uint8_t { kServed, kRefused, kData, kUnknown };

struct Verdict {
  Finding finding = Finding::kUnknown;
  std::string_view backend;  // of kServed
  std::string what;          // "XGBoost JSON"; for kUnknown what can be said
  std::string_view way_out;  // of kRefused and kData: why it is not served, what to do
};

Verdict judge(std::string_view bytes);

}  // namespace slipway::server
