// UTF-8 by its strict definition (RFC 3629): no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::json::internal {

// Bytes of the well-formed sequence that `text` starts with, or 0.
size_t utf8_length(std::string_view text);

void append_utf8(uint32_t code_point, std::string& out);

}  // namespace slipway::json::internal
