#include "services/server/internal/pickle_shape.h"

#include <cstdint>
#include <optional>

namespace slipway::server {
namespace {

constexpr char kStop = '.';
constexpr size_t kMostOpcodes = 1'000'000;

size_t length_at(std::string_view rest, size_t width) {
  size_t value = 0;
  for (size_t i = 0; i < width && i < rest.size(); ++i)
    value |= size_t{static_cast<uint8_t>(rest[i])} << (8 * i);
  return width > rest.size() ? SIZE_MAX : value;
}

std::optional<size_t> after_lines(std::string_view rest, int lines) {
  size_t at = 0;
  for (int i = 0; i < lines; ++i) {
    const size_t end = rest.find('\n', at);
    if (end == std::string_view::npos) return std::nullopt;
    at = end + 1;
  }
  return at;
}

std::optional<size_t> after_counted(std::string_view rest, size_t width) {
  const size_t length = length_at(rest, width);
  if (rest.size() < width || length > rest.size() - width) return std::nullopt;
  return width + length;
}

// The length of the argument after an opcode of protocol 0 or 1; nothing: no such opcode, or cut off.
std::optional<size_t> argument(char opcode, std::string_view rest) {
  constexpr std::string_view kNone = "(.0120RQNbdel]ato)us}";
  constexpr std::string_view kOneLine = "FILPSVgp";
  constexpr std::string_view kTwoLines = "ci";
  if (kNone.find(opcode) != std::string_view::npos) return 0;
  if (kOneLine.find(opcode) != std::string_view::npos) return after_lines(rest, 1);
  if (kTwoLines.find(opcode) != std::string_view::npos) return after_lines(rest, 2);
  if (opcode == 'K' || opcode == 'h' || opcode == 'q') return 1;
  if (opcode == 'M') return 2;
  if (opcode == 'J' || opcode == 'j' || opcode == 'r') return 4;
  if (opcode == 'G') return 8;
  if (opcode == 'U') return after_counted(rest, 1);
  if (opcode == 'T' || opcode == 'X') return after_counted(rest, 4);
  return std::nullopt;
}

bool steps_to_stop(std::string_view bytes) {
  size_t opcodes = 0;
  while (!bytes.empty() && opcodes++ < kMostOpcodes) {
    const char opcode = bytes.front();
    bytes.remove_prefix(1);
    // One opcode before STOP is the least that leaves a value.
    if (opcode == kStop) return opcodes > 2 && bytes.find_first_not_of("\r\n") == std::string_view::npos;
    const auto skip = argument(opcode, bytes);
    if (!skip || *skip > bytes.size()) return false;
    bytes.remove_prefix(*skip);
  }
  return false;
}

}  // namespace

bool is_pickle(std::string_view bytes) {
  if (bytes.size() >= 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5) return true;
  return steps_to_stop(bytes);
}

}  // namespace slipway::server
