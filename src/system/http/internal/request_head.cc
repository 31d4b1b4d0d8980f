#include "system/http/internal/request_head.h"

#include <algorithm>

namespace slipway::http::internal {
namespace {

// What must not stand in a line of a head: it would begin another one.
bool breaks_a_line(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool has_header(const Request& request, std::string_view lower_case_name) {
  return std::ranges::any_of(request.headers, [&](const auto& header) {
    return std::ranges::equal(header.first, lower_case_name,
                              [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  });
}

bool has_length(const Request& request) {
  if (request.source != nullptr || !request.body.empty()) return true;
  return request.method == base::Method::kPost || request.method == base::Method::kPut ||
         request.method == base::Method::kPatch;
}

}  // namespace

Status check_request(const Request& request, const Url& url, const ClientOptions& options) {
  if (request.method == base::Method::kOther)
    return fail(Code::kInvalid, "a request to {} has no method", url.address.str());
  bool broken = breaks_a_line(request.target) || request.target.find(' ') != std::string::npos ||
                breaks_a_line(options.bearer_token);
  for (const auto& [name, value] : request.headers)
    broken = broken || breaks_a_line(name) || breaks_a_line(value);
  if (broken)
    return fail(Code::kInvalid, "the target or a header of a request to {} has a space or a line's end in it",
                url.address.str());
  if (!options.bearer_token.empty() && !url.tls && !is_local(url.address))
    return fail(Code::kDenied, "the token is not sent to {} over plain HTTP; use https://",
                url.address.str());
  return ok();
}

std::string head_of(const Request& request, const Url& url, const ClientOptions& options) {
  std::string head = fmt::format("{} {}{} HTTP/1.1\r\nhost: {}\r\n", base::name(request.method), url.prefix,
                                 request.target, url.host);
  if (!options.bearer_token.empty() && !has_header(request, "authorization"))
    head += fmt::format("authorization: Bearer {}\r\n", options.bearer_token);
  for (const auto& [name, value] : request.headers) head += fmt::format("{}: {}\r\n", name, value);
  if (has_length(request))
    head += fmt::format("content-length: {}\r\n",
                        request.source != nullptr ? request.source->size : request.body.size());
  head += "\r\n";
  return head;
}

}  // namespace slipway::http::internal
