// CSV (RFC 4180): fields between commas, quotes around what holds commas, quotes or line ends, "" for a quote
// inside.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::cli {

struct CsvLimits {
  size_t rows = 1'000'000;
  size_t columns = 100'000;
};

using CsvRows = std::vector<std::vector<std::string>>;

// All rows have as many fields as the first; empty lines are skipped. Errors name the line.
Result<CsvRows> parse_csv(std::string_view text, const CsvLimits& limits = {});

}  // namespace slipway::cli
