// What a scalar without quotes means: the table that kubectl's reader has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::kube::internal {

enum class ScalarKind : uint8_t { kText, kNull, kBool, kNumber, kRefused };

struct Scalar {
  ScalarKind kind = ScalarKind::kText;
  std::string json;      // of kNull, kBool and kNumber
  std::string_view why;  // of kRefused
};

Scalar resolve_plain(std::string_view text);

// Whether every reader takes the text without quotes as text: stricter than resolve_plain, because readers of
// YAML 1.1 see dates, sexagesimal numbers and merge keys too.
bool is_text_without_quotes(std::string_view text);

}  // namespace slipway::kube::internal
