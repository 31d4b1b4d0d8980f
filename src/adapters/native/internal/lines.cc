#include "adapters/native/internal/lines.h"

#include <algorithm>

namespace slipway::native::internal {

bool Lines::next(std::string_view& line) {
  if (rest_.empty()) return false;
  const size_t end = std::min(rest_.find('\n'), rest_.size());
  line = rest_.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  ++number_;
  return true;
}

Status Section::add(std::string_view key, std::string_view value) {
  if (std::find(keys_.begin(), keys_.end(), key) == keys_.end()) return ok();
  if (has(key)) return fail(Code::kInvalid, "the section at line {} has '{}' twice", line_, key);
  entries_.push_back({key, value});
  return ok();
}

std::optional<std::string_view> Section::find(std::string_view key) const {
  for (const Entry& entry : entries_)
    if (entry.key == key) return entry.value;
  return std::nullopt;
}

Result<int64_t> Section::integer(std::string_view key) const {
  const auto text = find(key);
  if (!text) return fail(Code::kInvalid, "the section at line {} has no '{}'", line_, key);
  return parse_number<int64_t>(key, *text);
}

template <class T>
Result<std::vector<T>> Section::numbers(std::string_view key, size_t count) const {
  const auto text = find(key);
  if (!text) return fail(Code::kInvalid, "the section at line {} has no '{}'", line_, key);
  std::vector<T> values;
  Status good;
  each_word(*text, [&](std::string_view word) {
    const auto value = parse_number<T>(key, word);
    if (!value) good = fail(value.error());
    if (value) values.push_back(*value);
    return good.has_value() && values.size() <= count;
  });
  if (!good) return fail(good.error());
  if (values.size() != count)
    return fail(Code::kInvalid, "{} has {} {} values, expected {}", key,
                values.size() > count ? "more than" : "only", std::min(values.size(), count), count);
  return values;
}

template Result<std::vector<int64_t>> Section::numbers(std::string_view, size_t) const;
template Result<std::vector<double>> Section::numbers(std::string_view, size_t) const;

}  // namespace slipway::native::internal
