#include "services/cli/csv.h"

namespace slipway::cli {
namespace {

// People put spaces after commas; who means them writes quotes.
std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

class CsvReader {
 public:
  CsvReader(std::string_view text, const CsvLimits& limits) : text_(text), limits_(limits) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // spreadsheets put a byte order mark first
  }

  Result<CsvRows> read() {
    CsvRows rows;
    while (at_ < text_.size()) {
      const size_t line = line_;
      std::vector<std::string> row;
      if (Status read = read_row(row); !read) return fail(read.error());
      if (row.size() == 1 && row[0].empty()) continue;
      if (rows.size() == limits_.rows) return fail(Code::kTooLarge, "more than {} rows", limits_.rows);
      if (!rows.empty() && row.size() != rows[0].size())
        return fail(Code::kInvalid, "line {}: {} fields, the first row has {}", line, row.size(),
                    rows[0].size());
      rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  Status read_row(std::vector<std::string>& row) {
    for (;;) {
      if (row.size() == limits_.columns)
        return fail(Code::kTooLarge, "line {}: more than {} columns", line_, limits_.columns);
      row.emplace_back();
      if (Status read = read_field(row.back()); !read) return read;
      if (at_ == text_.size()) return ok();
      const char end = text_[at_++];
      if (end == ',') continue;
      if (end == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
      ++line_;
      return ok();
    }
  }

  Status read_field(std::string& out) {
    if (at_ == text_.size() || text_[at_] != '"') {
      const size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
      out = trimmed(text_.substr(at_, end - at_));
      at_ = end;
      return ok();
    }
    const size_t opened = line_;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        out += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        out += text_[at_++];
      } else {
        ++at_;
        if (at_ < text_.size() && std::string_view(",\r\n").find(text_[at_]) == std::string_view::npos)
          return fail(Code::kInvalid, "line {}: text after a closing quote", line_);
        return ok();
      }
    }
    return fail(Code::kInvalid, "line {}: a quote is opened and not closed", opened);
  }

  std::string_view text_;
  const CsvLimits& limits_;
  size_t at_ = 0;
  size_t line_ = 1;
};

}  // namespace

Result<CsvRows> parse_csv(std::string_view text, const CsvLimits& limits) {
  return CsvReader(text, limits).read();
}

}  // namespace slipway::cli
