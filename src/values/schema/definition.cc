#include "values/schema/definition.h"

#include <charconv>

#include <nlohmann/json.hpp>

namespace slipway::schema {
namespace {

using json::Document;
using json::member;
using json::text_of;

std::vector<std::string> texts(const Document& array) {
  std::vector<std::string> out;
  for (const Document& each : array)
    if (each.is_string()) out.push_back(each.get<std::string>());
  return out;
}

Column parse_column(const Document& column) {
  const Document& priority = member(column, "priority");
  return {.name = text_of(column, "name"),
          .type = text_of(column, "type"),
          .format = text_of(column, "format"),
          .description = text_of(column, "description"),
          .path = text_of(column, "jsonPath"),
          .priority = priority.is_number() ? priority.get<int>() : 0};
}

// The item that `?(@.name=="text")` picks, or that `0` counts to.
const Document& pick(const Document& array, std::string_view how) {
  static const Document kNothing;
  if (!array.is_array()) return kNothing;
  size_t index = 0;
  if (const auto [end, error] = std::from_chars(how.data(), how.data() + how.size(), index);
      error == std::errc{} && end == how.data() + how.size())
    return index < array.size() ? array[index] : kNothing;
  constexpr std::string_view kOpen = "?(@.";
  const size_t equals = how.find("==\"");
  if (!how.starts_with(kOpen) || equals == std::string_view::npos || !how.ends_with("\")")) return kNothing;
  const std::string_view name = how.substr(kOpen.size(), equals - kOpen.size());
  const std::string_view value = how.substr(equals + 3, how.size() - equals - 5);
  for (const Document& each : array)
    if (text_of(each, name) == value) return each;
  return kNothing;
}

}  // namespace

Result<Definition> parse_definition(const Document& crd, const RuleBook& twins) {
  const Document& spec = member(crd, "spec");
  const Document& names = member(spec, "names");
  const Document& versions = member(spec, "versions");
  if (!versions.is_array() || versions.empty()) return fail(Code::kInvalid, "the definition has no version");
  const Document& version = versions[0];
  const Document& structural = member(member(version, "schema"), "openAPIV3Schema");
  auto schema = Schema::compile(structural, twins);
  if (!schema) return fail(within(text_of(names, "kind"), schema.error()));
  const Document& subresources = member(version, "subresources");
  Definition out{.group = text_of(spec, "group"),
                 .version = text_of(version, "name"),
                 .kind = text_of(names, "kind"),
                 .list_kind = text_of(names, "listKind"),
                 .plural = text_of(names, "plural"),
                 .singular = text_of(names, "singular"),
                 .short_names = texts(member(names, "shortNames")),
                 .categories = texts(member(names, "categories")),
                 .has_status = subresources.contains("status"),
                 .has_scale = subresources.contains("scale"),
                 .columns = {},
                 .structural = std::make_shared<const Document>(structural),
                 .schema = std::move(*schema)};
  for (const Document& column : member(version, "additionalPrinterColumns"))
    out.columns.push_back(parse_column(column));
  return out;
}

const Document& at_path(const Document& object, std::string_view path) {
  const Document* here = &object;
  while (!path.empty() && !here->is_null()) {
    if (path.front() == '[') {
      const size_t close = path.find(']');
      if (close == std::string_view::npos) break;
      here = &pick(*here, path.substr(1, close - 1));
      path.remove_prefix(close + 1);
      continue;
    }
    path.remove_prefix(path.front() == '.' ? 1 : 0);
    const size_t end = std::min(path.find_first_of(".["), path.size());
    here = &member(*here, path.substr(0, end));
    path.remove_prefix(end);
  }
  return *here;
}

}  // namespace slipway::schema
