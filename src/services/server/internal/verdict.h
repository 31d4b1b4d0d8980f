// What a file's bytes are.
#pragma once

#include <string>
#include <string_view>

namespace slipway::server {

enum class Finding : uint8_t { kServed, kRefused, kUnknown };

struct Verdict {
  Finding finding = Finding::kUnknown;
  std::string_view backend;  // of kServed
  std::string what;          // "XGBoost JSON"; for kUnknown what can be said
  std::string_view way_out;  // of kRefused: why it is not served and what to do
};

Verdict judge(std::string_view bytes);

}  // namespace slipway::server
