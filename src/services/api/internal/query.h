// What stands behind the '?', read once. Unknown parameters are ignored, as Kubernetes does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/api/internal/status.h"
#include "values/base/result.h"
#include "values/domain/selector.h"

namespace slipway::api {

// name=value&…, decoded; at most 64 of them. kInvalid for a malformed escape.
class Parameters {
 public:
  static Result<Parameters> parse(std::string_view query);
  std::string get(std::string_view name) const;  // the first; empty when absent
  bool has(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

// metadata.name=credit,metadata.namespace!=x
struct FieldTerm {
  std::string field, value;
  bool equal = true;
};
Result<std::vector<FieldTerm>> parse_field_selector(std::string_view text);

// Where a page ended: made by us, opaque to clients.
struct Continue {
  uint64_t version = 0;
  std::string space, name;
};
std::string to_token(const Continue& at);
Result<Continue> parse_token(std::string_view token);

enum class VersionMatch : uint8_t { kAny, kNotOlderThan, kExact };

struct ListQuery {
  domain::Selector labels;
  std::vector<FieldTerm> fields;
  size_t limit = 0;
  std::optional<Continue> from;
  std::optional<uint64_t> version;  // nothing: not said
  VersionMatch match = VersionMatch::kAny;
  bool watch = false, bookmarks = false;
  std::optional<bool> initial_events;
  std::optional<int64_t> timeout_seconds;
};

// The failure has the code and words that an API server has for it.
tl::expected<ListQuery, Failure> parse_list_query(const Parameters& parameters);

enum class FieldValidation : uint8_t { kIgnore, kWarn, kStrict };

struct WriteQuery {
  bool dry_run = false;
  FieldValidation validation = FieldValidation::kWarn;
  std::string manager;  // fieldManager
};
// `options`: "CreateOptions", as errors call it.
tl::expected<WriteQuery, Failure> parse_write_query(const Parameters& parameters, std::string_view options);

}  // namespace slipway::api
