#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "values/schema/internal/node.h"
#include "values/schema/internal/zone.h"

namespace slipway::schema {
namespace {

constexpr std::string_view kNoField = "<nil>";

size_t code_points(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string_view type_of(const json::Document& value) {
  switch (value.type()) {
    case json::Document::value_t::object:
      return "object";
    case json::Document::value_t::array:
      return "array";
    case json::Document::value_t::string:
      return "string";
    case json::Document::value_t::boolean:
      return "boolean";
    case json::Document::value_t::null:
      return "null";
    case json::Document::value_t::number_float:
      return "number";
    default:
      return "integer";
  }
}

bool has_type(const json::Document& value, Type type) {
  switch (type) {
    case Type::kObject:
      return value.is_object();
    case Type::kArray:
      return value.is_array();
    case Type::kString:
      return value.is_string();
    case Type::kBoolean:
      return value.is_boolean();
    case Type::kNumber:
      return value.is_number();
    case Type::kInteger:
      return value.is_number_integer() ||
             (value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>());
    case Type::kAny:
      return true;
  }
  return false;
}

bool is_calendar_day(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  return date.ok();
}

// RFC 3339, as an API server takes it.
bool is_date_time(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kForm.size() || text.size() > 40) return false;
  for (size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == 'd' ? !(text[i] >= '0' && text[i] <= '9') : text[i] != kForm[i]) return false;
  const auto number = [&](size_t at, size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) value = value * 10 + (c - '0');
    return value;
  };
  return is_calendar_day(number(0, 4), number(5, 2), number(8, 2)) && number(11, 2) < 24 &&
         number(14, 2) < 60 && number(17, 2) < 60 && zone_offset(text.substr(kForm.size())).has_value();
}

class Validator {
 public:
  void check(const json::Document& value, const Schema::Node& node, const std::string& path) {
    if (!has_type(value, node.type)) {
      invalid(path, "FieldValueTypeInvalid",
              fmt::format("\"{}\": {} in body must be of type {}: \"{}\"", type_of(value), path,
                          name(node.type), type_of(value)));
      return;
    }
    check_choice(value, node, path);
    if (value.is_string()) check_text(value.get_ref<const std::string&>(), node, path);
    if (value.is_number()) check_number(value, node, path);
    if (value.is_array()) check_items(value, node, path);
    if (value.is_object()) check_members(value, node, path);
  }

  // After everything else is right: the rules, from the outside in.
  void check_rules(const json::Document& value, const json::Document* before, const Schema::Node& node,
                   const std::string& path) {
    for (const Schema::Node::Check& check : node.checks)
      if (!(check.needs_before && before == nullptr) && !check.holds(value, before))
        errors_.push_back({path.empty() ? std::string(kNoField) : path, "FieldValueInvalid",
                           "Invalid value: " + check.message});
    if (value.is_object())
      for (const auto& [name, property] : node.properties) {
        const auto at = value.find(name);
        if (at == value.end()) continue;
        const json::Document* old =
            before != nullptr && before->is_object() && before->contains(name) ? &(*before)[name] : nullptr;
        check_rules(*at, old, *property, join(path, name));
      }
    if (value.is_array() && node.items)
      for (size_t i = 0; i < value.size(); ++i)
        check_rules(value[i], nullptr, *node.items, fmt::format("{}[{}]", path, i));
  }

  std::vector<FieldError>& errors() { return errors_; }

 private:
  static std::string join(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }

  void invalid(const std::string& path, std::string_view reason, std::string_view what) {
    errors_.push_back({path.empty() ? std::string(kNoField) : path, std::string(reason),
                       fmt::format("Invalid value: {}", what)});
  }

  void check_choice(const json::Document& value, const Schema::Node& node, const std::string& path) {
    if (node.choices.empty() ||
        std::find(node.choices.begin(), node.choices.end(), value) != node.choices.end())
      return;
    std::string supported;
    for (const json::Document& choice : node.choices)
      supported += (supported.empty() ? "" : ", ") + json::canonical(choice);
    errors_.push_back(
        {path, "FieldValueNotSupported",
         fmt::format("Unsupported value: {}: supported values: {}", json::canonical(value), supported)});
  }

  void check_text(const std::string& text, const Schema::Node& node, const std::string& path) {
    const size_t length = code_points(text);
    if (node.max_length && length > *node.max_length) {
      errors_.push_back({path, "FieldValueTooLong",
                         fmt::format("Too long: may not be more than {} bytes", *node.max_length)});
      return;
    }
    const std::string quoted = json::canonical(text);
    if (node.min_length && length < *node.min_length)
      invalid(path, "FieldValueInvalid",
              fmt::format("{}: {} in body should be at least {} chars long", quoted, path, *node.min_length));
    if (node.pattern && !std::regex_match(text, *node.pattern))
      invalid(path, "FieldValueInvalid",
              fmt::format("{}: {} in body should match '{}'", quoted, path, node.pattern_text));
    if (node.format == "date-time" && !is_date_time(text))
      invalid(path, "FieldValueTypeInvalid",
              fmt::format("{}: {} in body must be of type date-time: {}", quoted, path, quoted));
  }

  void check_number(const json::Document& value, const Schema::Node& node, const std::string& path) {
    const double number = value.get<double>();
    const std::string text = json::canonical(value);
    const double low = node.format == "int32" ? -2147483648.0 : -HUGE_VAL,
                 high = node.format == "int32" ? 2147483647.0 : HUGE_VAL;
    if (node.minimum && number < *node.minimum)
      invalid(path, "FieldValueInvalid",
              fmt::format("{}: {} in body should be greater than or equal to {}", text, path, *node.minimum));
    if (node.maximum && number > *node.maximum)
      invalid(path, "FieldValueInvalid",
              fmt::format("{}: {} in body should be less than or equal to {}", text, path, *node.maximum));
    else if (number < low || number > high)
      invalid(path, "FieldValueInvalid",
              fmt::format("{}: {} in body must be of type int32: \"{}\"", text, path, text));
  }

  void check_items(const json::Document& value, const Schema::Node& node, const std::string& path) {
    if (node.max_items && value.size() > *node.max_items) {
      errors_.push_back(
          {path, "FieldValueTooMany",
           fmt::format("Too many: {}: must have at most {} items", value.size(), *node.max_items)});
      return;
    }
    if (node.min_items && value.size() < *node.min_items)
      invalid(
          path, "FieldValueInvalid",
          fmt::format("{}: {} in body should have at least {} items", value.size(), path, *node.min_items));
    std::set<std::string> seen;
    for (size_t i = 0; i < value.size(); ++i) {
      const std::string here = fmt::format("{}[{}]", path, i);
      if (node.items) check(value[i], *node.items, here);
      if (!node.map_keys.empty() && value[i].is_object() && !seen.insert(key_of(value[i], node)).second)
        errors_.push_back({here, "FieldValueDuplicate", "Duplicate value: " + key_of(value[i], node)});
    }
  }

  static std::string key_of(const json::Document& item, const Schema::Node& node) {
    json::Document key = json::Document::object();
    for (const std::string& name : node.map_keys) key[name] = json::member(item, name);
    return json::canonical(key);
  }

  void check_members(const json::Document& value, const Schema::Node& node, const std::string& path) {
    for (const std::string& name : node.required)
      if (!value.contains(name))
        errors_.push_back({join(path, name), "FieldValueRequired", "Required value"});
    for (const auto& [name, member] : value.items()) {
      const auto property = node.properties.find(name);
      if (property != node.properties.end())
        check(member, *property->second, join(path, name));
      else if (node.additional)
        check(member, *node.additional, join(path, name));
    }
  }

  std::vector<FieldError> errors_;
};

// Rules are written for values of the right shape; a value that is merely wrong does not mislead them.
// Source: k8s.io/apiextensions-apiserver pkg/registry/customresource/strategy.go, hasBlockingErr.
bool misleads_rules(const FieldError& error) {
  return error.reason == "FieldValueNotSupported" || error.reason == "FieldValueRequired" ||
         error.reason == "FieldValueTooLong" || error.reason == "FieldValueTooMany" ||
         error.reason == "FieldValueTypeInvalid";
}

}  // namespace

std::string to_text(const std::vector<FieldError>& errors) {
  std::string out;
  for (const FieldError& error : errors)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", error.field, error.message);
  return errors.size() == 1 ? out : "[" + out + "]";
}

std::vector<FieldError> Schema::validate(const json::Document& value, const json::Document* before) const {
  Validator validator;
  validator.check(value, *root_, "");
  const auto& errors = validator.errors();
  if (std::none_of(errors.begin(), errors.end(), misleads_rules))
    validator.check_rules(value, before, *root_, "");
  else
    validator.errors().push_back(
        {std::string(kNoField), "FieldValueInvalid",
         "Invalid value: null: some validation rules were not checked because the object was "
         "invalid; correct the existing errors to complete validation"});
  return std::move(validator.errors());
}

}  // namespace slipway::schema
