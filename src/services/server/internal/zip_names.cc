#include "services/server/internal/zip_names.h"

#include <cstdint>

namespace slipway::server {
namespace {

constexpr size_t kMostNames = 4096;
constexpr size_t kEndRecord = 22;
constexpr size_t kEntry = 46;

uint32_t number(std::string_view bytes, size_t at, size_t width) {
  uint32_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint32_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return value;
}

}  // namespace

std::vector<std::string_view> zip_names(std::string_view bytes) {
  const size_t end = bytes.rfind("PK\5\6");
  if (end == std::string_view::npos || bytes.size() - end < kEndRecord) return {};
  size_t at = number(bytes, end + 16, 4);
  std::vector<std::string_view> names;
  while (names.size() < kMostNames && at <= end && end - at >= kEntry && bytes.substr(at, 4) == "PK\1\2") {
    const size_t name_length = number(bytes, at + 28, 2);
    if (end - at - kEntry < name_length) break;
    names.push_back(bytes.substr(at + kEntry, name_length));
    at += kEntry + name_length + number(bytes, at + 30, 2) + number(bytes, at + 32, 2);
  }
  return names;
}

}  // namespace slipway::server
