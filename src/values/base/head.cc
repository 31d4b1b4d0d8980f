#include "values/base/head.h"

namespace slipway::base {

std::string_view name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kOther:
      break;
  }
  return "OTHER";
}

std::string_view RequestHead::find(std::string_view lower_case_name) const {
  for (const Header& header : headers)
    if (header.name == lower_case_name) return header.value;
  return {};
}

}  // namespace slipway::base
