#include "values/base/result.h"

namespace slipway::base {

std::string_view name(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "Invalid";
    case Code::kNotFound:
      return "NotFound";
    case Code::kDenied:
      return "Denied";
    case Code::kConflict:
      return "Conflict";
    case Code::kTooLarge:
      return "TooLarge";
    case Code::kUnsupported:
      return "Unsupported";
    case Code::kUnavailable:
      return "Unavailable";
    case Code::kExhausted:
      return "Exhausted";
    case Code::kTimeout:
      return "Timeout";
    case Code::kInternal:
      return "Internal";
  }
  return "Internal";
}

bool retryable(Code code) {
  return code == Code::kUnavailable || code == Code::kExhausted || code == Code::kTimeout;
}

Error within(std::string_view what, Error error) {
  error.message = fmt::format("{}: {}", what, error.message);
  return error;
}

}  // namespace slipway::base
