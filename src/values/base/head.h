// The head of a request as handlers see it, whatever protocol carried it: views into memory that lives as
// long as the request does. Names are lower-case.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace slipway::base {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

std::string_view name(Method method);

struct Header {
  std::string_view name;  // lower-case
  std::string_view value;
};

struct RequestHead {
  Method method = Method::kGet;
  std::string_view target;  // as sent: /v2/models/a%20b?x=1
  std::string_view path;    // before the '?', percent escapes kept
  std::string_view query;   // after the '?', or empty
  std::string_view host;
  std::span<const Header> headers;

  // The first header of that (lower-case) name, or an empty view.
  std::string_view find(std::string_view lower_case_name) const;
};

}  // namespace slipway::base
