#include "services/cli/rows.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "services/cli/csv.h"

namespace slipway::cli {
namespace {

using nlohmann::json;

// Rows of values, and the names of their columns where they have some.
struct Rows {
  std::vector<std::string> names;
  std::vector<std::vector<json>> rows;
};

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_missing(const std::string& text) {
  return text.empty() || text == "NaN" || text == "nan" || text == "NA" || text == "null";
}

Result<json> to_value(const std::string& text, const InputColumn& column) {
  if (column.datatype == "BYTES") return json(text);
  if (is_missing(text)) return json(nullptr);
  if (column.datatype == "BOOL" && (text == "true" || text == "false")) return json(text == "true");
  const auto number = number_of(text);
  if (!number)
    return fail(Code::kInvalid, "'{}' in column '{}' is not a number; the model takes {}", text.substr(0, 40),
                column.name, column.datatype);
  // Whole numbers stay whole; what JSON does not write so, as .5, is taken by its value.
  json parsed = json::parse(text, nullptr, false);
  return parsed.is_discarded() ? json(*number) : std::move(parsed);
}

// A first row is a header when it names a column, or when no numeric column of it holds a number: one
// unreadable field must not make a row of values vanish.
bool is_header(const std::vector<std::string>& row, const std::vector<InputColumn>& columns) {
  bool has_number = false, has_numeric_column = false;
  for (size_t i = 0; i < row.size(); ++i) {
    if (std::ranges::find(columns, row[i], &InputColumn::name) != columns.end()) return true;
    const bool numeric = i < columns.size() && columns[i].datatype != "BYTES";
    has_numeric_column |= numeric;
    has_number |= numeric && (number_of(row[i]) || is_missing(row[i]));
  }
  return has_numeric_column && !has_number;
}

// For each column of the model the position in the file: by name when the file has names that fit, else by
// place.
Result<std::vector<size_t>> match(const std::vector<std::string>& names, size_t width,
                                  const std::vector<InputColumn>& columns) {
  std::vector<size_t> at(columns.size());
  const bool named = !names.empty() && std::ranges::any_of(columns, [&](const InputColumn& column) {
    return std::ranges::find(names, column.name) != names.end();
  });
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto found = std::ranges::find(names, columns[i].name);
    if (named && found == names.end())
      return fail(Code::kInvalid, "the input has no column '{}'", columns[i].name);
    at[i] = named ? static_cast<size_t>(found - names.begin()) : i;
  }
  if (!named && width != columns.size())
    return fail(Code::kInvalid, "the input has {} columns, the model takes {}", width, columns.size());
  return at;
}

Result<Rows> rows_of_csv(const std::string& text, const std::vector<InputColumn>& columns) {
  const auto parsed = parse_csv(text);
  if (!parsed) return fail(parsed.error());
  if (parsed->empty()) return fail(Code::kInvalid, "the input is empty");
  const bool header = is_header((*parsed)[0], columns);
  Rows out;
  if (header) out.names = (*parsed)[0];
  const auto at = match(out.names, (*parsed)[0].size(), columns);
  if (!at) return fail(at.error());
  for (size_t i = header ? 1 : 0; i < parsed->size(); ++i) {
    auto& row = out.rows.emplace_back();
    for (size_t column = 0; column < columns.size(); ++column) {
      auto value = to_value((*parsed)[i][(*at)[column]], columns[column]);
      if (!value) return fail(base::within(fmt::format("row {}", i + (header ? 0 : 1)), value.error()));
      row.push_back(std::move(*value));
    }
  }
  return out;
}

Result<std::vector<json>> row_of_json(const json& item, const std::vector<InputColumn>& columns) {
  std::vector<json> row;
  if (item.is_object()) {
    for (const InputColumn& column : columns) {
      if (!item.contains(column.name)) return fail(Code::kInvalid, "has no '{}'", column.name);
      row.push_back(item[column.name]);
    }
    return row;
  }
  if (!item.is_array() || item.size() != columns.size())
    return fail(Code::kInvalid, "is not a list of {} values", columns.size());
  return item.get<std::vector<json>>();
}

Result<Rows> rows_of_json(const json& parsed, const std::vector<InputColumn>& columns) {
  const json& list = parsed.is_object() && parsed.contains("instances") ? parsed["instances"] : parsed;
  if (!list.is_array() && !list.is_object())
    return fail(Code::kInvalid, "the input is neither rows nor a request");
  const bool one_row = list.is_object() || (!list.empty() && !list[0].is_array() && !list[0].is_object());
  Rows out;
  const std::vector<json> items = one_row ? std::vector<json>{list} : list.get<std::vector<json>>();
  for (size_t i = 0; i < items.size(); ++i) {
    auto row = row_of_json(items[i], columns);
    if (!row) return fail(base::within(fmt::format("row {}", i + 1), row.error()));
    out.rows.push_back(std::move(*row));
  }
  return out;
}

std::string write_request(const Rows& rows, const ModelInputs& model) {
  json request{{"inputs", json::array()}};
  size_t first = 0;
  for (const auto& input : model.inputs) {
    const size_t width = input.shape.size() == 1 ? 1 : static_cast<size_t>(input.shape[1]);
    json shape{rows.rows.size()}, data = json::array();
    if (input.shape.size() == 2) shape.push_back(width);
    for (const auto& row : rows.rows)
      for (size_t i = 0; i < width; ++i) data.push_back(row[first + i]);
    request["inputs"].push_back(
        {{"name", input.name}, {"datatype", input.datatype}, {"shape", shape}, {"data", std::move(data)}});
    first += width;
  }
  return request.dump(-1, ' ', false, json::error_handler_t::replace);  // text that is not UTF-8
}

}  // namespace

Result<ModelInputs> parse_model_inputs(const std::string& metadata_json) {
  const json metadata = json::parse(metadata_json, nullptr, false);
  if (!metadata.is_object() || !metadata.contains("inputs"))
    return fail(Code::kInvalid, "the server's metadata names no inputs");
  ModelInputs model;
  try {
    for (const json& item : metadata["inputs"]) {
      ModelInputs::Input input{.name = item.at("name"),
                               .datatype = item.at("datatype"),
                               .shape = item.at("shape"),
                               .features = {}};
      if (item.contains("parameters") && item["parameters"].contains("features"))
        input.features = item["parameters"]["features"];
      model.inputs.push_back(std::move(input));
    }
  } catch (const json::exception& error) {
    return fail(Code::kInvalid, "the server's metadata is malformed: {}", error.what());
  }
  return model;
}

Result<std::vector<InputColumn>> ModelInputs::columns() const {
  std::vector<InputColumn> columns;
  for (const Input& input : inputs) {
    const bool column = input.shape.size() == 1, table = input.shape.size() == 2 && input.shape[1] >= 1;
    if (!column && !table)
      return fail(
          Code::kInvalid,
          "input '{}' has shape [{}], which rows of columns cannot fill; send a whole request as JSON",
          input.name, fmt::join(input.shape, ","));
    const int64_t width = column ? 1 : input.shape[1];
    if (width > static_cast<int64_t>(kMaxColumns - columns.size()))
      return fail(Code::kTooLarge,
                  "the model takes more than {} columns with input '{}'; send a whole request as JSON",
                  kMaxColumns, input.name);
    for (int64_t i = 0; i < width; ++i) {
      const auto at = static_cast<size_t>(i);
      std::string name = at < input.features.size() ? input.features[at]
                         : width == 1               ? input.name
                                                    : fmt::format("{}[{}]", input.name, i);
      columns.push_back({std::move(name), input.datatype});
    }
  }
  return columns;
}

Result<std::string> to_request(const std::string& text, const ModelInputs& model) {
  const size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string::npos) return fail(Code::kInvalid, "the input is empty");
  const bool looks_like_json = text[first] == '{' || text[first] == '[';
  const json parsed = looks_like_json ? json::parse(text, nullptr, false) : json();
  if (parsed.is_object() && parsed.contains("inputs")) return text;
  if (looks_like_json && parsed.is_discarded())
    return fail(Code::kInvalid, "the input starts like JSON and is not");
  const auto columns = model.columns();
  if (!columns) return fail(columns.error());
  const auto rows = looks_like_json ? rows_of_json(parsed, *columns) : rows_of_csv(text, *columns);
  if (!rows) return fail(rows.error());
  return write_request(*rows, model);
}

}  // namespace slipway::cli
