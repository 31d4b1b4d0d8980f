// Columns of text for people: aligned, two spaces between, numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace slipway::cli {

struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
};

std::string to_text(const Table& table);

// Columns that a terminal needs for UTF-8 text: one for a letter, none for a byte that continues one.
size_t display_width(const std::string& text);

}  // namespace slipway::cli
