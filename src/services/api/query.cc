#include "services/api/internal/query.h"

#include <algorithm>
#include <charconv>

#include "values/json/writer.h"

namespace slipway::api {
namespace {

constexpr size_t kMaxParameters = 64;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1,
              low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return fail(Code::kInvalid, "the query holds a malformed percent escape: '{}'", text.substr(i, 3));
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool flag(const Parameters& parameters, std::string_view name) {
  const std::string text = parameters.get(name);
  return text == "true" || text == "1";
}

Failure invalid_options(std::string_view options, schema::FieldError cause) {
  return {
      .code = 422,
      .reason = "Invalid",
      .message = fmt::format("{}.meta.k8s.io \"\" is invalid: {}: {}", options, cause.field, cause.message),
      .group = "meta.k8s.io",
      .kind = std::string(options),
      .causes = {std::move(cause)}};
}

// The rules between resourceVersion, resourceVersionMatch, continue and sendInitialEvents.
// Source: k8s.io/apimachinery pkg/apis/meta/internalversion/validation.
std::optional<Failure> check_versions(const ListQuery& query, const std::string& match) {
  const auto forbidden = [&](std::string_view field, std::string_view why) {
    return invalid_options("ListOptions",
                           {std::string(field), "FieldValueForbidden", fmt::format("Forbidden: {}", why)});
  };
  if (query.initial_events && !query.watch)
    return forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
  if (query.initial_events && query.match != VersionMatch::kNotOlderThan)
    return forbidden("resourceVersionMatch",
                     "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  if (query.watch && !query.initial_events && !match.empty())
    return forbidden("resourceVersionMatch",
                     "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  if (query.watch || match.empty()) return std::nullopt;
  if (query.from)
    return forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
  if (!query.version)
    return forbidden("resourceVersionMatch",
                     "resourceVersionMatch is forbidden unless resourceVersion is provided");
  if (query.match == VersionMatch::kExact && *query.version == 0)
    return forbidden("resourceVersionMatch",
                     "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  return std::nullopt;
}

std::optional<Failure> read_versions(const Parameters& parameters, ListQuery& out) {
  if (const std::string version = parameters.get("resourceVersion"); !version.empty()) {
    out.version = number(version);
    if (!out.version)
      return bad_request(fmt::format("resourceVersion: Invalid value: \"{}\": not a number", version));
  }
  const std::string match = parameters.get("resourceVersionMatch");
  if (match == "NotOlderThan") out.match = VersionMatch::kNotOlderThan;
  if (match == "Exact") out.match = VersionMatch::kExact;
  if (!match.empty() && out.match == VersionMatch::kAny)
    return invalid_options(
        "ListOptions",
        {"resourceVersionMatch", "FieldValueNotSupported",
         fmt::format("Unsupported value: \"{}\": supported values: \"Exact\", \"NotOlderThan\", \"\"",
                     match)});
  if (parameters.has("sendInitialEvents")) out.initial_events = flag(parameters, "sendInitialEvents");
  return check_versions(out, match);
}

std::optional<Failure> read_numbers(const Parameters& parameters, ListQuery& out) {
  if (const std::string limit = parameters.get("limit"); !limit.empty()) {
    const auto value = number(limit);
    if (!value) return bad_request(fmt::format("limit: '{}' is not a number", limit));
    out.limit = *value;
  }
  if (const std::string seconds = parameters.get("timeoutSeconds"); !seconds.empty()) {
    const auto value = number(seconds);
    if (!value) return bad_request(fmt::format("timeoutSeconds: '{}' is not a number", seconds));
    out.timeout_seconds = static_cast<int64_t>(std::min<uint64_t>(*value, 24 * 3600));
  }
  return std::nullopt;
}

}  // namespace

Result<Parameters> Parameters::parse(std::string_view query) {
  Parameters out;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (out.values_.size() == kMaxParameters)
      return fail(Code::kInvalid, "the query has more than {} parameters", kMaxParameters);
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals));
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!name) return fail(name.error());
    if (!value) return fail(value.error());
    out.values_.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

std::string Parameters::get(std::string_view name) const {
  for (const auto& [each, value] : values_)
    if (each == name) return value;
  return "";
}

bool Parameters::has(std::string_view name) const {
  return std::any_of(values_.begin(), values_.end(), [&](const auto& each) { return each.first == name; });
}

std::vector<std::string> Parameters::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [each, value] : values_)
    if (each == name) out.push_back(value);
  return out;
}

Result<std::vector<FieldTerm>> parse_field_selector(std::string_view text) {
  std::vector<FieldTerm> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string_view term = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (term.empty()) continue;
    const size_t equals = term.find('=');
    if (equals == std::string_view::npos || equals == 0 || out.size() >= 16)
      return fail(Code::kInvalid, "invalid selector: '{}'; can't understand '{}'", term, term);
    const bool negated = term[equals - 1] == '!';
    if (negated && equals == 1)
      return fail(Code::kInvalid, "invalid selector: '{}'; can't understand '{}'", term, term);
    const bool doubled = equals + 1 < term.size() && term[equals + 1] == '=';
    out.push_back({.field = std::string(term.substr(0, equals - (negated ? 1 : 0))),
                   .value = std::string(term.substr(equals + (doubled ? 2 : 1))),
                   .equal = !negated});
  }
  return out;
}

std::string to_token(const Continue& at) {
  // Hex: opaque enough, and free of what a query would have to escape.
  std::string out;
  for (const char c : fmt::format("{}/{}/{}", at.version, at.space, at.name))
    out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

Result<Continue> parse_token(std::string_view token) {
  const auto bad = [] { return fail(Code::kInvalid, "invalid continue token: continue key is not valid"); };
  if (token.size() % 2 != 0 || token.size() > 2048) return bad();
  std::string text;
  for (size_t i = 0; i < token.size(); i += 2) {
    const int high = hex(token[i]), low = hex(token[i + 1]);
    if (high < 0 || low < 0) return bad();
    text += static_cast<char>(high * 16 + low);
  }
  const size_t first = text.find('/'),
               second = first == std::string::npos ? first : text.find('/', first + 1);
  if (second == std::string::npos) return bad();
  const auto version = number(std::string_view(text).substr(0, first));
  if (!version || *version == 0) return bad();
  return Continue{.version = *version,
                  .space = text.substr(first + 1, second - first - 1),
                  .name = text.substr(second + 1)};
}

tl::expected<ListQuery, Failure> parse_list_query(const Parameters& parameters) {
  ListQuery out;
  auto labels = domain::Selector::parse(parameters.get("labelSelector"));
  if (!labels) return tl::unexpected(bad_request(labels.error().message));
  out.labels = std::move(*labels);
  auto fields = parse_field_selector(parameters.get("fieldSelector"));
  if (!fields) return tl::unexpected(bad_request(fields.error().message));
  out.fields = std::move(*fields);
  out.watch = flag(parameters, "watch");
  out.bookmarks = flag(parameters, "allowWatchBookmarks");
  if (const std::string token = parameters.get("continue"); !token.empty()) {
    auto from = parse_token(token);
    if (!from) return tl::unexpected(bad_request(from.error().message));
    out.from = std::move(*from);
  }
  if (auto failure = read_numbers(parameters, out)) return tl::unexpected(std::move(*failure));
  if (auto failure = read_versions(parameters, out)) return tl::unexpected(std::move(*failure));
  return out;
}

tl::expected<WriteQuery, Failure> parse_write_query(const Parameters& parameters, std::string_view options) {
  WriteQuery out{.manager = parameters.get("fieldManager")};
  for (const std::string& dry_run : parameters.all("dryRun")) {
    if (dry_run != "All")
      return tl::unexpected(invalid_options(
          options, {"dryRun", "FieldValueNotSupported",
                    fmt::format("Unsupported value: [\"{}\"]: supported values: \"All\"", dry_run)}));
    out.dry_run = true;
  }
  const std::string validation = parameters.get("fieldValidation");
  if (validation == "Strict") out.validation = FieldValidation::kStrict;
  if (validation == "Ignore") out.validation = FieldValidation::kIgnore;
  if (!validation.empty() && validation != "Strict" && validation != "Ignore" && validation != "Warn")
    return tl::unexpected(invalid_options(
        options,
        {"fieldValidation", "FieldValueNotSupported",
         fmt::format("Unsupported value: \"{}\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"",
                     validation)}));
  return out;
}

}  // namespace slipway::api
