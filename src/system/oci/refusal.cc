#include <nlohmann/json.hpp>

#include "system/oci/internal/transfer.h"
#include "values/json/document.h"

namespace slipway::oci::internal {
namespace {

constexpr size_t kShown = 200;

// A stranger's words, on one line and without what moves a terminal's cursor.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, kShown));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  return out;
}

Code code_of(int status) {
  switch (status) {
    case 404:
      return Code::kNotFound;
    case 401:
    case 403:
      return Code::kDenied;
    case 413:
      return Code::kTooLarge;
    case 416:
      return Code::kConflict;
    case 408:
      return Code::kTimeout;
    case 429:
      return Code::kExhausted;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kInvalid;
  }
}

}  // namespace

Error refused(const http::Response& response, std::string_view doing) {
  const auto body = json::parse_document(response.body);
  std::string text;
  if (body)
    for (const json::Document& error : json::member(*body, "errors"))
      text += (text.empty() ? "" : "; ") + json::text_of(error, "message");
  if (body && text.empty()) text = json::text_of(*body, "message");
  return {code_of(response.status), fmt::format("{}: the registry says {}{}", doing, response.status,
                                                text.empty() ? "" : ": " + shown(text))};
}

bool is_worth_another_try(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout || error.code == Code::kExhausted ||
         error.code == Code::kConflict;
}

}  // namespace slipway::oci::internal
