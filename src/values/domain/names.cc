#include "values/domain/names.h"

#include <algorithm>
#include <charconv>

namespace slipway::domain {
namespace {

constexpr size_t kNameBytes = 253, kLabelBytes = 63, kAnnotationBytes = 256 << 10;

constexpr std::string_view kSubdomainText =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view kQualifiedText =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view kValueText =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
    "validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

bool lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool alnum(char c) { return lower(c) || (c >= 'A' && c <= 'Z'); }

bool is_subdomain(std::string_view text) {
  while (true) {
    const size_t dot = std::min(text.find('.'), text.size());
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || !lower(label.front()) || !lower(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return lower(c) || c == '-'; })) return false;
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_qualified(std::string_view text) {
  return !text.empty() && alnum(text.front()) && alnum(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace

Status check_name(std::string_view name) {
  if (name.size() > kNameBytes) return fail(Code::kInvalid, "must be no more than {} bytes", kNameBytes);
  if (!is_subdomain(name)) return fail(Code::kInvalid, "{}", kSubdomainText);
  return ok();
}

Status check_label_key(std::string_view key) {
  const size_t slash = key.find('/');
  const std::string_view name = slash == std::string_view::npos ? key : key.substr(slash + 1);
  if (slash != std::string_view::npos) {
    const std::string_view prefix = key.substr(0, slash);
    if (prefix.empty()) return fail(Code::kInvalid, "prefix part must be non-empty");
    if (Status fine = check_name(prefix); !fine)
      return fail(Code::kInvalid, "prefix part {}", fine.error().message);
  }
  if (name.empty()) return fail(Code::kInvalid, "name part must be non-empty; {}", kQualifiedText);
  if (name.size() > kLabelBytes)
    return fail(Code::kInvalid, "name part must be no more than {} bytes", kLabelBytes);
  if (!is_qualified(name)) return fail(Code::kInvalid, "{}", kQualifiedText);
  return ok();
}

Status check_label_value(std::string_view value) {
  if (value.size() > kLabelBytes) return fail(Code::kInvalid, "must be no more than {} bytes", kLabelBytes);
  if (!value.empty() && !is_qualified(value)) return fail(Code::kInvalid, "{}", kValueText);
  return ok();
}

Status check_annotations(const Labels& annotations) {
  size_t bytes = 0;
  for (const auto& [key, value] : annotations) {
    // Upper case is allowed in an annotation's prefix.
    std::string lowered = key;
    for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (Status fine = check_label_key(lowered); !fine) return fine;
    bytes += key.size() + value.size();
  }
  if (bytes > kAnnotationBytes)
    return fail(Code::kTooLarge, "Too long: may not be more than {} bytes", kAnnotationBytes);
  return ok();
}

Result<ModelVersionName> parse_version_name(std::string_view name) {
  ModelVersionName out;
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0)
    return fail(Code::kInvalid, "'{}' is not <model>-<version>", name);
  const std::string_view digits = name.substr(dash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.version);
  if (error != std::errc{} || end != digits.data() + digits.size() || out.version < 1 ||
      digits.front() == '0')
    return fail(Code::kInvalid, "'{}' is not <model>-<version>", name);
  out.model = name.substr(0, dash);
  return out;
}

}  // namespace slipway::domain
