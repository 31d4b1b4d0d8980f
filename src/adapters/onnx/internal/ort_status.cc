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

}  // namespace

std::string clean_message(std::string_view message) {
  const std::string_view text = without_source(without_prefix(message));
  std::string out;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == 0x7F;
    if (!blank) out += c;
    if (blank && !out.empty() && out.back() != ' ') out += ' ';
    if (out.size() == kLongest) return out + "…";
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

Status check(const OrtApi& api, OrtStatus* status) {
  if (status == nullptr) return ok();
  const Error error{code_of(api.GetErrorCode(status)), clean_message(api.GetErrorMessage(status))};
  api.ReleaseStatus(status);
  return fail(error);
}

}  // namespace slipway::onnx
