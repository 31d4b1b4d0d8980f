#include "adapters/onnx/internal/ort_status.h"

#include <algorithm>

namespace slipway::onnx {
namespace {

constexpr size_t kLongest = 300;

Code code_of(OrtErrorCode code) {
  switch (code) {
    case ORT_NOT_IMPLEMENTED:
      return Code::kUnsupported;
    case ORT_NO_SUCHFILE:
      return Code::kNotFound;
    default:
      return Code::kInvalid;
  }
}

// "onnxruntime/core/graph/graph.cc:123 void onnxruntime::Graph::…(…) [with …] " at the front helps nobody.
std::string_view without_source(std::string_view text) {
  const size_t file = std::min(text.find(".cc:"), text.find(".h:"));
  if (file == std::string_view::npos) return text;
  const size_t start = text.rfind(' ', file) + 1;  // 0 when there is no blank before
  if (start > 60) return text;
  const size_t end_of_place = text.find(") ", file);
  const size_t blank = text.find(' ', file);
  if (blank == std::string_view::npos) return text;
  return text.substr(end_of_place != std::string_view::npos ? end_of_place + 2 : blank + 1);
}

std::string_view without_prefix(std::string_view text) {
  constexpr std::string_view kLoad = "Load model from ";
  constexpr std::string_view kFailed = " failed:";
  if (!text.starts_with(kLoad)) return text;
  const size_t failed = text.find(kFailed);
  return failed == std::string_view::npos ? text : text.substr(failed + kFailed.size());
}

// The length of the valid UTF-8 character at the front, or 0.
size_t character(std::string_view text) {
  const auto byte = [text](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const auto follows = [byte](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const uint32_t pair = uint32_t{byte(0)} << 8 | byte(1);
  if (byte(0) < 0x80) return byte(0) >= ' ' && byte(0) != 0x7F ? 1 : 0;
  if (byte(0) >= 0xC2 && byte(0) <= 0xDF) return follows(1) ? 2 : 0;
  const bool overlong_or_surrogate = pair < 0xE0A0 || (pair >= 0xEDA0 && pair <= 0xEDBF);
  if ((byte(0) & 0xF0) == 0xE0) return follows(1) && follows(2) && !overlong_or_surrogate ? 3 : 0;
  const bool in_range = pair >= 0xF090 && pair <= 0xF48F;
  return in_range && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

}  // namespace

std::string readable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = character(text);
    if (length == 0) out += '?';
    out += text.substr(0, length);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

std::string clean_message(std::string_view message) {
  const std::string_view text = without_source(without_prefix(message));
  std::string out;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == 0x7F;
    if (!blank) out += c;
    if (blank && !out.empty() && out.back() != ' ') out += ' ';
    if (out.size() == kLongest) return readable(out) + "…";
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return readable(out);
}

Status check(const OrtApi& api, OrtStatus* status) {
  if (status == nullptr) return ok();
  const Error error{code_of(api.GetErrorCode(status)), clean_message(api.GetErrorMessage(status))};
  api.ReleaseStatus(status);
  return fail(error);
}

}  // namespace slipway::onnx
