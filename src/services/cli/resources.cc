#include "services/cli/resources.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "system/kube/yaml.h"
#include "values/domain/definitions.h"
#include "values/schema/table.h"

namespace slipway::cli {
namespace {

using json::Document;

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::string upper_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c == ' ' ? '-' : c;
  return out;
}

std::string cell_text(const Document& cell) {
  if (cell.is_null()) return "";
  return safe(cell.is_string() ? cell.get<std::string>() : json::canonical(cell));
}

}  // namespace

Result<domain::Kind> parse_kind(std::string_view word) {
  const std::string wanted = lower_case(word.substr(0, word.find('.')));
  std::vector<std::string> known;
  for (const domain::KindInfo& each : domain::kinds()) {
    const schema::Definition& of = domain::definition(each.kind);
    std::vector<std::string> names = of.short_names;
    names.push_back(of.singular);
    names.push_back(of.plural);
    if (std::find(names.begin(), names.end(), wanted) != names.end()) return each.kind;
    known.insert(known.end(), names.begin(), names.end());
  }
  const std::string meant = suggest(wanted, known);
  return fail(Code::kInvalid, "unknown resource '{}'{}", word,
              meant.empty()
                  ? "; there are modelversions (mv), modeldeployments (md), events (ev) and endpointslices"
                  : fmt::format("; did you mean '{}'?", meant));
}

kube::Resource resource_of(domain::Kind kind) {
  const domain::KindInfo& of = domain::info(kind);
  return {
      .group = std::string(of.group), .version = std::string(of.version), .plural = std::string(of.plural)};
}

Result<Named> parse_named(const std::vector<std::string>& words) {
  std::optional<Named> out;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t slash = words[i].find('/');
    if (i > 0 && slash == std::string::npos && words[0].find('/') == std::string::npos) {
      out->names.push_back(words[i]);
      continue;
    }
    if (i > 0 && slash == std::string::npos)
      return fail(Code::kInvalid, "'{}': say TYPE/NAME for each, or one TYPE and its names", words[i]);
    const auto kind = parse_kind(words[i].substr(0, slash));
    if (!kind) return fail(kind.error());
    if (out && out->kind != *kind) return fail(Code::kInvalid, "'{}': one kind at a time", words[i]);
    if (!out) out = Named{.kind = *kind, .names = {}};
    if (slash != std::string::npos) out->names.push_back(words[i].substr(slash + 1));
  }
  return *out;
}

Option output_option() {
  return {.names = "-o,--output",
          .value = "FORMAT",
          .help = "table, wide, json, yaml or name",
          .fallback = "table",
          .choices = {"table", "wide", "json", "yaml", "name"}};
}

Shown parse_shown(const Arguments& arguments) {
  const std::string text = arguments.get("--output");
  if (text == "wide") return Shown::kWide;
  if (text == "json") return Shown::kJson;
  if (text == "yaml") return Shown::kYaml;
  return text == "name" ? Shown::kName : Shown::kTable;
}

std::string safe(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::string_view three = text.substr(i, 3);
    // U+0080..9F, U+200E.., U+202A..E, U+2066..9 steer terminals too.
    const bool steers =
        byte < 0x20 || byte == 0x7F ||
        (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0);
    const bool turns = three == "\xE2\x80\x8E" || three == "\xE2\x80\x8F" ||
                       (three >= "\xE2\x80\xAA" && three <= "\xE2\x80\xAE") ||
                       (three >= "\xE2\x81\xA6" && three <= "\xE2\x81\xA9");
    if (byte == '\n')
      out += "\\n";
    else if (steers)
      out += fmt::format("\\x{:02x}", byte);
    else if (turns)
      out += "?", i += 2;
    else
      out += text[i];
    if (steers && byte == 0xC2) ++i;
  }
  return out;
}

std::string show_table(domain::Kind kind, const std::vector<Document>& objects, Shown shown, WallTime now) {
  const schema::Definition& of = domain::definition(kind);
  const auto is_shown = [&](const schema::Column& column) {
    return column.priority == 0 || shown == Shown::kWide;
  };
  Table table{.head = {"NAME"}, .rows = {}};
  for (const schema::Column& column : of.columns)
    if (is_shown(column)) table.head.push_back(upper_case(column.name));
  for (const Document& object : objects) {
    const std::vector<Document> cells = schema::row_cells(of, object, now);
    std::vector<std::string> row{cell_text(cells[0])};
    for (size_t i = 0; i < of.columns.size(); ++i)
      if (is_shown(of.columns[i])) row.push_back(cell_text(cells[i + 1]));
    table.rows.push_back(std::move(row));
  }
  return to_text(table);
}

Result<std::string> show_object(domain::Kind kind, const Document& object, Shown shown, WallTime now) {
  switch (shown) {
    case Shown::kJson:
      return object.dump(2, ' ', false, Document::error_handler_t::replace) + "\n";
    case Shown::kYaml:
      return kube::json_to_yaml(json::canonical(object));
    case Shown::kName:
      return fmt::format(
          "{}/{}\n",
          domain::definition(kind).singular +
              (domain::info(kind).group.empty() ? "" : "." + std::string(domain::info(kind).group)),
          json::text_of(json::member(object, "metadata"), "name"));
    default:
      return show_table(kind, {object}, shown, now);
  }
}

Result<std::string> show_list(domain::Kind kind, const std::vector<Document>& objects, Shown shown,
                              WallTime now) {
  if (shown == Shown::kTable || shown == Shown::kWide) return show_table(kind, objects, shown, now);
  if (shown == Shown::kName) {
    std::string out;
    for (const Document& object : objects) out += *show_object(kind, object, shown, now);
    return out;
  }
  const Document list{
      {"apiVersion", "v1"}, {"kind", "List"}, {"metadata", {{"resourceVersion", ""}}}, {"items", objects}};
  return show_object(kind, list, shown, now);
}

}  // namespace slipway::cli
