#include "services/api/internal/encode.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "values/json/writer.h"
#include "values/schema/table.h"

namespace slipway::api {
namespace {

using json::Document;

void append_column(json::Writer& out, const schema::Column& column) {
  out.object([&](json::Writer& members) {
    members.key("name").value(column.name).key("type").value(column.type).key("format").value(column.format);
    members.key("description").value(column.description).key("priority").value(column.priority);
  });
}

// "application/json;as=Table;v=v1;g=meta.k8s.io"
std::optional<Form> form_of(std::string_view range) {
  const auto has = [&](std::string_view parameter) {
    return range.find(parameter) != std::string_view::npos;
  };
  const std::string_view type = range.substr(0, range.find(';'));
  if (type != "application/json" && type != "*/*" && type != "application/*") return std::nullopt;
  if (!has("as=")) return Form::kObject;
  return has("as=Table") && has("v=v1") && !has("v=v1beta1") && has("g=meta.k8s.io")
             ? std::optional(Form::kTable)
             : std::nullopt;
}

}  // namespace

std::optional<View> choose_view(std::string_view accept, std::string_view include_object) {
  View view;
  if (include_object == "None") view.row_object = RowObject::kNone;
  if (include_object == "Object") view.row_object = RowObject::kWhole;
  if (accept.empty()) return view;
  while (!accept.empty()) {
    const size_t end = std::min(accept.find(','), accept.size());
    std::string_view range = accept.substr(0, end);
    accept.remove_prefix(std::min(end + 1, accept.size()));
    while (range.starts_with(' ')) range.remove_prefix(1);
    if (const auto form = form_of(range)) {
      view.form = *form;
      return view;
    }
  }
  return std::nullopt;
}

Failure not_acceptable() {
  return {.code = 406,
          .reason = "NotAcceptable",
          .message =
              "only the following media types are accepted: application/json, "
              "application/json;as=Table;v=v1;g=meta.k8s.io"};
}

void append_row(const schema::Definition& of, const domain::Object& object, RowObject row_object,
                WallTime now, std::string& out) {
  const std::string text = domain::to_json(object);
  const auto document = json::parse_document(text, {.bytes = 16 << 20});
  json::Writer(out).object([&](json::Writer& row) {
    row.key("cells").begin_array();
    for (const Document& cell : schema::row_cells(of, document ? *document : Document(), now))
      row.raw(json::canonical(cell));
    row.end_array();
    if (row_object == RowObject::kWhole) row.key("object").raw(text);
    if (row_object != RowObject::kMetadata) return;
    std::string meta;
    domain::append_meta_json(object, meta);
    row.key("object").object([&](json::Writer& partial) {
      partial.key("kind")
          .value("PartialObjectMetadata")
          .key("apiVersion")
          .value("meta.k8s.io/v1")
          .key("metadata")
          .raw(meta);
    });
  });
}

void append_table_head(const schema::Definition& of, std::string_view list_meta, Columns columns,
                       std::string& out) {
  out += R"({"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":)";
  out += list_meta;
  out += R"(,"columnDefinitions":)";
  json::Writer writer(out);
  if (columns == Columns::kShown) {
    writer.begin_array();
    append_column(writer, {.name = "Name",
                           .type = "string",
                           .format = "name",
                           .description = "The object's name.",
                           .path = ""});
    for (const schema::Column& column : of.columns) append_column(writer, column);
    writer.end_array();
  } else {
    writer.null();
  }
  out += ",\"rows\":[";
}

std::string encode(const schema::Definition& of, const domain::Object& object, const View& view,
                   WallTime now) {
  if (view.form == Form::kObject) return domain::to_json(object);
  std::string out;
  append_table_head(of, fmt::format(R"({{"resourceVersion":"{}"}})", object.meta.resource_version),
                    Columns::kShown, out);
  append_row(of, object, view.row_object, now, out);
  out += "]}";
  return out;
}

}  // namespace slipway::api
