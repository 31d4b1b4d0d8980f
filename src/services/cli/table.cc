#include "services/cli/table.h"

#include <algorithm>

namespace slipway::cli {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.+-eE") == std::string::npos &&
         text.find_first_of("0123456789") != std::string::npos;
}

}  // namespace

size_t display_width(const std::string& text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string to_text(const Table& table) {
  std::vector<size_t> widths(table.head.size());
  std::vector<bool> numeric(table.head.size(), true);
  for (size_t i = 0; i < widths.size(); ++i) widths[i] = display_width(table.head[i]);
  for (const auto& row : table.rows)
    for (size_t i = 0; i < widths.size() && i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
      if (!is_number(row[i]) && !row[i].empty()) numeric[i] = false;
    }
  std::string out;
  const auto append = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < widths.size() && i < row.size(); ++i) {
      const std::string pad(widths[i] - display_width(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (numeric[i] ? pad + row[i] : row[i] + pad);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  append(table.head);
  for (const auto& row : table.rows) append(row);
  return out;
}

}  // namespace slipway::cli
